"""The commented file that `erario init` writes: valid as it is, fictional throughout.

Its keys and addresses are test vectors that BIP 129 and BIP 173 publish.
"""

from __future__ import annotations

from typing import Final

from erario.reserve.loader import FILE_NAME

_STARTER: Final = """\
# What a reserve says that it holds. Change everything, then run:
#
#     erario check .
#     erario audit . --source blocks:~/.bitcoin/blocks
#
# Never write a private key or a seed phrase here: this file is for showing around.

erario = 1                          # version of this format
network = "main"                    # main, testnet3, testnet4, signet or regtest
timezone = "UTC"                    # of the days below; an IANA name such as "Europe/Rome"

# Who holds. Set complete = true only if the holder says that this file lists all that it has:
# without it erario can prove that there is at least so much, never that there is no more.

[holders.treasury]
name = "Treasury of Exampleland"
complete = false

# Signers, by the fingerprint of their master key; optional.

[cosigners.1cf0bf7e]
name = "Director"
site = "capital"

[cosigners.4fc1dd4a]
name = "Deputy"
site = "harbour"

# Wallets. role: holding (the default), custody (held for others), transit, or origin (where coins
# were seized from: watched, never summed). attribution: declared (the default: the holder says so),
# documented (a document names the very addresses), inferred (somebody thinks so: never summed).

[wallets.vault]
descriptors = [
  "wsh(sortedmulti(2,[1cf0bf7e/48h/0h/0h/2h]xpub6FL8FhxNNUVnG64YurPd16AfGyvFLhh7S2uSsDqR3Qfcm6o9jtcMYwh6DvmcBF9qozxNQmTCVvWtxLpKTnhVLN3Pgnu2D3pAoXYFgVyd8Yz/<0;1>/*,[4fc1dd4a/48h/0h/0h/2h]xpub6EebMbEps7ZcV3FYEnddRsvrFWDrt2tiPmCeM7pPXQEmphvq9ZfJ1LWFUDjf3vxCeBuPrfyGrMazWUsYsetrnHatQZVLJH7LsgCjtMqdzgj/<0;1>/*))",
]
since = 2025-01-01                  # counts from the start of this day; until = ... ends it

# A single extended key needs its type, unless its prefix (ypub, zpub) says it:
#
# [wallets.daily]
# keys = [{ key = "xpub...", type = "wpkh" }]     # pkh, wpkh, sh-wpkh or tr

[wallets.published]
attribution = "inferred"
addresses = [                       # above twenty rows: addresses = { file = "addresses.csv" }
  "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
]

# Published things that claims and documented wallets rest on. Archive the file: URLs die.

[documents.speech]
title = "Speech of the minister"
issuer = "Treasury of Exampleland"
date = 2025-04-03
url = "https://treasury.example/speech"
# file = "speech.html"              # beside this file, with
# sha256 = "..."                    # what sha256sum prints for it

# What was said in public. holds: > >= < <= = ~ and an amount; ~ needs within = "0.5 BTC".
# at: a day, a time with its offset, a height, or { from = 2025-04-01, to = 2025-04-30 }.

[claims.minister]
holds = ">= 100 BTC"
at = 2025-04-03
document = "speech"
"""


def starter() -> dict[str, bytes]:
    """The files of a new reserve, by their names in one folder."""
    return {FILE_NAME: _STARTER.encode()}
