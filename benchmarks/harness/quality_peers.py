"""The programs of others whose results are compared, each with its defaults, alignment off."""

from harness.contenders import PEERS, Peer

_INSTALL = "see benchmarks/README.md, then --peers ENVIRONMENT/bin"


def _openfocus(name: str, *options: str) -> Peer:
    arguments = "-i {folder} -o {out} --cpu --no-exposure-match -m"
    return Peer(name, "openfocus", " ".join((arguments, *options)), _INSTALL)


def _shinestacker(name: str, algorithm: str) -> Peer:
    return Peer(
        name,
        "shinestacker",
        f"{{folder}} {{out}} {algorithm}",
        _INSTALL,
        "shinestacker_fuse.py",
    )


QUALITY_PEERS: tuple[Peer, ...] = (
    _openfocus("StackMFF V3", "stackmffv3"),
    _openfocus("StackMFF V3 hard", "stackmffv3", "--ai-mode", "hard"),
    _openfocus("StackMFF V2", "stackmffv2"),
    _openfocus("guided filter", "guided_filter"),
    _openfocus("GFG-FGF", "gfgfgf"),
    _openfocus("openfocus a", "openfocus_a"),
    _openfocus("openfocus b", "openfocus_b"),
    _openfocus("openfocus c", "openfocus_c"),
    _openfocus("DCT", "dct"),
    _openfocus("DTCWT", "dtcwt"),
    *PEERS,
    _shinestacker("shinestacker pyramid", "pyramid"),
    _shinestacker("shinestacker depth map", "depth_map"),
)
