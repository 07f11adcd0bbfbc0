"""The version of this package."""


def package_version() -> str:
    """Return the version of this package, or "unknown" if it is not installed."""
    try:  # written when the package is built; the metadata of packages take far longer to load
        from napari_umis_fusion._version import version

        return version
    except ImportError:
        pass
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed_version

    try:
        return installed_version("napari-umis-fusion")
    except PackageNotFoundError:
        return "unknown"
