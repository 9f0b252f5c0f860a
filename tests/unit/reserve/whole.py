"""A reserve that uses the whole format, for tests to load and to damage."""

from __future__ import annotations

import hashlib

XPUB = "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL"
XPUB_2 = "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB"
YPUB = "ypub6Ww3ibxVfGzLrAH1PNcjyAWenMTbbAosGNB6VvmSEgytSER9azLDWCxoJwW7Ke7icmizBMXrzBx9979FfaHxHcrArf3zbeJJJUZPf663zsP"
GAZETTE = b"<td>32ixEdVJWo3kmvJGM<wbr>TZq5jAQVZZeuwnqzo</td><td>3Fh6QjPzfu2LWYxVYqRZ45QPTja1PrFmNC&nbsp;</td>"

WHOLE = f"""\
erario = 1
network = "main"
timezone = "America/El_Salvador"

[holders.treasury]
name = "Treasury of Exampleland"
complete = true
signs_as = "Treasury"

[holders.mint]

[cosigners.d34db33f]
name = "Director"
site = "capital"

[wallets.vault]
holder = "treasury"
descriptors = ["wsh(sortedmulti(1,[d34db33f/48h/0h/0h/2h]{XPUB}/<0;1>/*,{XPUB_2}/<0;1>/*))"]
keys = [
  {{ key = "{XPUB}", type = "wpkh", note = "daily" }},
  {{ key = "{YPUB}" }},
]
derive = 2000
since = 2024-03-14
until = 2026-01-01T00:00:00Z

[wallets.published]
holder = "treasury"
attribution = "documented"
document = "gazette"
addresses = {{ file = "lists/addresses.csv" }}

[wallets.seized]
holder = "mint"
role = "origin"
attribution = "inferred"
addresses = ["BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"]
scripts = ["4104{"ab" * 64}ac"]

[documents.gazette]
title = "Official gazette 112"
issuer = "Treasury of Exampleland"
date = 2025-08-29
url = "https://gazette.example/112"
file = "gazette.html"
sha256 = "{hashlib.sha256(GAZETTE).hexdigest()}"

[documents.press]
title = "Press"

[claims.minister]
at = 2025-04-03
holds = "> 6100 BTC"
holder = "treasury"
document = "press"

[claims.about]
at = {{ from = 2025-04-03, to = 2025-05-01 }}
holds = "~6100.5 BTC"
within = "0.5 BTC"
wallets = ["vault", "published"]

[claims.height]
at = 890712
holds = "<= 0.00000001 BTC"
wallets = ["seized"]

[claims.instant]
at = 2025-04-03T12:00:00-06:00
holds = "= 0 BTC"
holder = "mint"

[claims.heights]
at = {{ from = 1, to = 2 }}
holds = ">= 21000000 BTC"
holder = "mint"
"""
FILES = {
    "lists/addresses.csv": (
        "address,page,note\n"
        '32ixEdVJWo3kmvJGMTZq5jAQVZZeuwnqzo,7,"first, of two"\n'
        "\n"
        "3Fh6QjPzfu2LWYxVYqRZ45QPTja1PrFmNC\n"
    ),
    "gazette.html": GAZETTE,
}
