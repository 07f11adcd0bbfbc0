"""The programs of others whose results are compared, each with its defaults, alignment off."""

from harness.contenders import (
    ENFUSE,
    ENVIRONMENT,
    FOCUSWEAVE,
    GUIDED_FILTER,
    STACKMFF_V3,
    Peer,
    openfocus,
)


def _shinestacker(name: str, algorithm: str) -> Peer:
    return Peer(
        name,
        "shinestacker",
        f"{{folder}} {{out}} {algorithm}",
        ENVIRONMENT,
        "shinestacker_fuse.py",
    )


QUALITY_PEERS: tuple[Peer, ...] = (
    STACKMFF_V3,
    openfocus("StackMFF V3 hard", "stackmffv3", "--ai-mode", "hard"),
    openfocus("StackMFF V2", "stackmffv2"),
    GUIDED_FILTER,
    openfocus("GFG-FGF", "gfgfgf"),
    openfocus("openfocus a", "openfocus_a"),
    openfocus("openfocus b", "openfocus_b"),
    openfocus("openfocus c", "openfocus_c"),
    openfocus("DCT", "dct"),
    openfocus("DTCWT", "dtcwt"),
    FOCUSWEAVE,
    ENFUSE,
    _shinestacker("shinestacker pyramid", "pyramid"),
    _shinestacker("shinestacker depth map", "depth_map"),
)
