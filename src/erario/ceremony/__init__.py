"""The ceremony: those who hold the keys sign one message, each with their own devices.

    starting    evidence and a reserve in, `Ceremony` out: the message, and the PSBTs to sign
    forecast    what will be asked of people, and what a published proof reveals
    folder      a ceremony on disk; `state_file` is its format
    returned    what came back: PSBTs and signature strings, read as hostile input
    gathering   what came back put together, each signature checked, each proof verified

Nothing here holds, asks for or takes a private key, and nothing here reads a chain.
"""
