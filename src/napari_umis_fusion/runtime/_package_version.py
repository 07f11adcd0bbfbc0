"""The version of this package."""


def package_version() -> str:
    """Return the version of this package, or "unknown" if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("napari-umis-fusion")
    except PackageNotFoundError:
        return "unknown"
