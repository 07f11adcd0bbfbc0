"""Colour profiles (ICC), which say what red, green and blue are."""

import re
from io import BytesIO

_SRGB = re.compile(r"s ?RGB|61966|^c2$", re.IGNORECASE)
"""In the names of profiles that are sRGB; the last one is a short one of web sites."""


def profile_notes(profile: bytes | None) -> tuple[str, ...]:
    """Return a note on a colour profile, unless it is sRGB, which is assumed without one.

    Parameters
    ----------
    profile : bytes or None
        As embedded in an image; None or empty if there is none.
    """
    if not profile:
        return ()
    from PIL import ImageCms  # here: few images have a profile

    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(profile))).strip()
    except (ImageCms.PyCMSError, OSError):
        return ()  # nobody can use it
    if _SRGB.search(name):
        return ()
    note = (
        f"colours are of the profile {name}, which results do not carry: assign it to them in an "
        "image editor"
    )
    return (note,)
