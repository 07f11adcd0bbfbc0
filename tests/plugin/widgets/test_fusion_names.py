"""Notes on a fusion speak of rows where a panel shows them."""

import pytest

from napari_umis_fusion.plugin.widgets import in_words_of_rows


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('left out; align="auto" puts it in place', "left out; “align planes: Automatic” puts it"),
        ("flickers (light='output' scales them)", "(“light: For the image, too” scales them)"),
        ('use nan_policy="ignore" (command line: --nan-policy ignore) here', "“NaN values: Leave"),
        ('select one: mosaic="none" (--mosaic none).', "select one: “mosaic: No”."),
        ("p='q' and na=2.0 (of 3)", "p='q' and na=2.0 (of 3)"),
    ],
)
def test_options_are_called_as_their_rows(said, shown):
    assert shown in in_words_of_rows(said)
    assert "--" not in in_words_of_rows(said)
