"""From a declaration and a chain to scripts, coins and movements.

derivation     which scripts a wallet has
transactions   the evidence's transactions, parsed once
coins          a ledger of coins, and of what touched them; `exposure`: whose key is visible
timeline       when a wallet counts, and what has happened at a moment
movements      what each transaction did to the books
balances       what any set of wallets held over time
roll_forward   opening + in - out - fees = closing
"""
