"""Observation: sources of chain data, the chains that they show, and what is kept of them.

source         the protocol, `sources` opens one by its URL, `several` holds some against each other
header_tree    headers judged by all rules, `best_chain` the branch with the most work
served_chain   the same from a server, with no more headers than are needed, linked to pins
block_*        block files: found, walked, indexed; `blocks_source` answers from them
scanner        which transactions touch scripts; `kernels*` and `sha256*` are compiled
kept_*         the same answers from what earlier runs kept; `*_store` hold it
node_*         a node by RPC: block filters, raw blocks, its list of coins
server_source  servers of histories, what they show proved; `electrum*`, `esplora*` speak to them
snapshot_*     UTXO snapshots, whose hash is pinned
http, json_*   answers from outside, bounded in size, depth and time

It takes scripts, never a reserve.
"""
