"""Observation: sources of chain data, the chains that they show, and what is kept of them.

source         the protocol, `sources` opens one by its URL
header_tree    headers judged by all rules, `best_chain` the branch with the most work
block_*        block files: found, walked, indexed; `blocks_source` answers from them
scanner        which transactions touch scripts; `kernels*` and `sha256*` are compiled
kept_*         the same answers from what earlier runs kept; `*_store` hold it

It takes scripts, never a reserve.
"""
