"""What belongs on which page of the plots."""

import pytest

from napari_umis_fusion.plugin.training._pages import PAGES, CurveRow, curve_rows, heads_of

TERMS = ("select", "weigh", "false_edges", "spread")
SELECT = [
    *("learning_rate", "total", *TERMS, "validation_score", "validation_psnr"),
    *("validation_psnr_select", "validation_psnr_weighted", "validation_loss"),
    *(f"validation_{term}" for term in TERMS),
]
PUBLISHED = ("mse", "ssim", "gradient", "spatial_frequency")
RECONSTRUCT = [
    *("learning_rate", "total", *PUBLISHED, "validation_score", "validation_negative_loss"),
    *("validation_loss", "validation_psnr", *(f"validation_{term}" for term in PUBLISHED)),
    "validation_psnr_fused",
]


@pytest.mark.parametrize(("columns", "terms"), [(SELECT, TERMS), (RECONSTRUCT, PUBLISHED)])
def test_losses_go_with_those_of_validation(columns, terms):
    rows = curve_rows("Loss", columns)
    assert rows[0] == CurveRow("total", "total", "validation_loss")
    assert [(row.training, row.validation) for row in rows[1:]] == [
        (term, f"validation_{term}") for term in terms
    ]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (SELECT, ["PSNR", "PSNR select", "PSNR weighted"]),
        (RECONSTRUCT, ["PSNR", "PSNR fused"]),
        (["validation_psnr_x", "validation_psnr", "validation_ssim"], ["PSNR", "PSNR x"]),
        (["total", "psnr"], []),
    ],
)
def test_only_what_is_in_decibels_is_a_score(columns, words):
    rows = curve_rows("Score", columns)
    assert [row.words for row in rows] == words
    assert all(row.training is None and row.validation in columns for row in rows)


def test_the_total_comes_first_and_alone_without_validation():
    assert curve_rows("Loss", ["false_edges", "total"]) == [
        CurveRow("total", "total"),
        CurveRow("false edges", "false_edges"),
    ]


def test_learning_rate():
    assert curve_rows("Learning rate", SELECT) == [CurveRow("learning rate", "learning_rate")]


@pytest.mark.parametrize("page", PAGES)
def test_nothing_of_nothing(page):
    assert curve_rows(page, []) == []
    assert curve_rows(page, ["validation_score"]) == []


def test_heads_tell_the_best_step():
    assert heads_of("Score", 12000) == ("validation", "best: step 12,000")
    assert heads_of("Score", None) == ("validation", "best")
