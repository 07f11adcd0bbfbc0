"""What the options of a training say before it starts."""

import pytest

from napari_umis_fusion.plugin.training._setup import _length
from napari_umis_fusion.training import TrainingConfig


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (TrainingConfig(), "10,000 steps. "),
        (TrainingConfig.reference(), "80 epochs. "),
        (TrainingConfig.reference(minutes=5.0), "80 epochs. "),
        (TrainingConfig.fine_tuning(), "Up to 2,000 steps, as many as 15 minutes allow. "),
        (TrainingConfig(minutes=0.5), "Up to 10,000 steps, as many as 0.5 minutes allow. "),
    ],
)
def test_how_long_it_takes_is_said(config, text):
    assert _length(config).startswith(text)
