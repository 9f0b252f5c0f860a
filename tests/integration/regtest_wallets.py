"""The wallets of the regtest chain: one of every kind, keys from fixed seeds.

Each `Group` is one wallet of the reserve that erario audits. The node signs with the private
descriptors; the reserve file names only public ones, plain addresses or scripts. Which scripts a
group has is asked of the node, so that erario's derivation is judged by another one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from embit.bip32 import HDKey
from embit.networks import NETWORKS
from tests.integration.node import Node

SIGNER = "signer"
ANYONE = ("51", "51024e73", "5214" + "07" * 20, "5175" * 3 + "51")
"""Scripts that anybody can spend: OP_TRUE, pay to anchor, an unknown witness, nonstandard."""
_PATH = "48h/1h/0h"


@dataclass
class Group:
    """One wallet of the reserve.

    Attributes:
        name: its id in the reserve file.
        declared: the TOML line of its scripts; empty where `write_reserve` makes it.
        private: descriptors with private keys, one a branch.
        raw: scripts that anybody can spend.
        indexes: those that payments choose from.
        scripts: script hex by branch and index, once the node has derived them.
    """

    name: str
    declared: str = ""
    private: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()
    indexes: tuple[int, ...] = tuple(range(40))
    scripts: dict[tuple[int, int], str] = field(default_factory=dict)

    def all_scripts(self) -> list[str]:
        """Every script that payments choose from, in hex."""
        return [*self.scripts.values(), *self.raw]

    def range(self) -> list[int]:
        """The first and the last index that the node's wallets derive."""
        return [0, max(self.indexes)]


def make_groups() -> list[Group]:
    """All groups; the last one is the outside world, which the reserve does not name."""
    plain = _account("plain").to_public().to_base58()
    bare = [f"pk({_public('bare')}/0/*)", f"multi(1,{_public('bare')}/1/*,{_public('bare')}/2/*)"]
    return [
        _ranged("legacy", "pkh({})", "legacy"),
        _ranged("nested", "sh(wpkh({}))", "nested"),
        Group(
            "plain",
            f'keys = [{{ key = "{plain}", type = "wpkh" }}]',
            _branches("wpkh({})", "plain"),
        ),
        _ranged("taproot", "tr({})", "taproot"),
        _ranged("vault", "wsh(sortedmulti(2,{},{},{}))", "va", "vb", "vc"),
        _ranged("old_vault", "sh(sortedmulti(2,{},{}))", "oa", "ob"),
        _ranged("nested_vault", "sh(wsh(multi(1,{},{})))", "na", "nb"),
        Group(
            "bare",
            f"descriptors = {bare}",
            tuple(text.replace(_public("bare"), _private("bare")) for text in bare),
        ),
        # 1,650 is within 1,000 of 700, but not of 3: more than one pass of derivation finds it.
        _ranged("far", "wpkh({})", "far", indexes=(3, 700, 1650)),
        Group("paper", "", _branches("pkh({})", "paper"), indexes=tuple(range(15))),
        Group("odd", f"scripts = {list(ANYONE)}", raw=ANYONE),
        _ranged("world", "wpkh({})", "world"),
    ]


def give_to_node(node: Node, groups: list[Group]) -> None:
    """Make the signing wallet and learn every script from the node."""
    node.rpc("createwallet", SIGNER, False, True)
    requests = []
    for group in groups:
        for branch, text in enumerate(group.private):
            known = node.rpc("getdescriptorinfo", text)
            private = f"{text}#{known['checksum']}"
            requests.append({"desc": private, "timestamp": "now", "range": group.range()})
            if group.name == "bare":
                group.scripts |= {(branch, i): _bare_script(branch, i) for i in group.indexes}
                continue
            addresses = node.rpc("deriveaddresses", known["descriptor"], group.range())
            for index in group.indexes:
                about = node.rpc("validateaddress", addresses[index])
                group.scripts[branch, index] = about["scriptPubKey"]
    _import(node, SIGNER, requests)


def watch(node: Node, name: str, group: Group) -> None:
    """Make a wallet that watches a group, from all blocks that the node has."""
    node.rpc("createwallet", name, True, True)
    ranged = {"timestamp": 0, "range": group.range()}
    requests = [
        {"desc": node.rpc("getdescriptorinfo", text)["descriptor"]} | ranged
        for text in group.private
    ]
    requests += [
        {"desc": node.rpc("getdescriptorinfo", f"raw({script})")["descriptor"], "timestamp": 0}
        for script in group.raw
    ]
    _import(node, name, requests)


def write_reserve(node: Node, groups: list[Group], folder: Path) -> None:
    """Write the reserve of two holders that names every group but the outside world."""
    lines = ["erario = 1", 'network = "regtest"']
    lines += ["[holders.republic]", 'name = "Republic"', "[holders.province]", 'name = "Province"']
    for number, group in enumerate(groups[:-1]):
        lines += ["", f"[wallets.{group.name}]"]
        lines += [f'holder = "{"republic" if number < 6 else "province"}"']
        lines += [group.declared or f'addresses = {{ file = "{group.name}.csv" }}']
        if not group.declared:
            scripts = [script for _, script in sorted(group.scripts.items())]
            addresses = [node.rpc("decodescript", script)["address"] for script in scripts]
            (folder / f"{group.name}.csv").write_text("\n".join(["address", *addresses, ""]))
    (folder / "reserve.toml").write_text("\n".join([*lines, ""]))


def _import(node: Node, wallet: str, requests: list[dict[str, object]]) -> None:
    done = node.rpc("importdescriptors", requests, wallet=wallet)
    assert all(each["success"] for each in done), done


def _root(name: str) -> HDKey:
    seed = hashlib.sha256(f"erario regtest {name}".encode()).digest()
    return HDKey.from_seed(seed, version=NETWORKS["regtest"]["xprv"])


def _account(name: str) -> HDKey:
    return _root(name).derive(f"m/{_PATH}")


def _origin(name: str) -> str:
    return f"[{_root(name).my_fingerprint.hex()}/{_PATH}]"


def _private(name: str) -> str:
    return _origin(name) + _account(name).to_base58()


def _public(name: str) -> str:
    return _origin(name) + _account(name).to_public().to_base58()


def _branches(template: str, *names: str) -> tuple[str, ...]:
    """Private descriptors of the two usual branches; `template` has a place for each key."""
    return tuple(
        template.format(*(f"{_private(name)}/{branch}/*" for name in names)) for branch in (0, 1)
    )


def _ranged(
    name: str, template: str, *names: str, indexes: tuple[int, ...] = tuple(range(40))
) -> Group:
    """A group of one descriptor with receive and change."""
    public = template.format(*(f"{_public(key)}/<0;1>/*" for key in names))
    return Group(name, f'descriptors = ["{public}"]', _branches(template, *names), indexes=indexes)


def _bare_script(branch: int, index: int) -> str:
    """P2PK or bare multisig. These have no address, which is all that the node derives for us;
    its wallet, which watches the descriptor itself, shows whether they are right."""
    account = _account("bare").to_public()

    def key(path: int) -> str:
        return "21" + account.derive([path, index]).sec().hex()

    return f"{key(0)}ac" if branch == 0 else f"51{key(1)}{key(2)}52ae"
