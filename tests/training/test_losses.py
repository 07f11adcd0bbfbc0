import pytest
import torch

from napari_umis_fusion.training.objectives import _losses as losses

ALL = {
    "mse": losses.mse_loss,
    "ssim": losses.ssim_loss,
    "gradient": losses.gradient_loss,
    "differences": losses.spatial_frequency_loss,
    "published": lambda a, b: losses.spatial_frequency_loss(a, b, "published"),
}


def pair(seed=0, size=(2, 1, 24, 31)):
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(size, generator=generator) * 2 - 1
    return image + 0.3 * torch.randn(size, generator=generator), image


@pytest.mark.parametrize("name", ALL)
def test_zero_for_a_perfect_rebuild_and_more_for_a_worse_one(name):
    rebuilt, image = pair()
    near = image + 0.1 * (rebuilt - image)
    assert ALL[name](image, image).item() == pytest.approx(0, abs=1e-5)
    assert 0 < ALL[name](near, image) < ALL[name](rebuilt, image)


@pytest.mark.parametrize("name", ALL)
def test_slope_is_finite_where_the_rebuild_is_flat(name):
    _, image = pair()
    flat = torch.zeros_like(image, requires_grad=True)
    ALL[name](flat, image).backward()
    assert flat.grad.isfinite().all()


def test_differences_ignore_brightness_and_published_does_not():
    _, image = pair()
    brighter = image + 0.5
    assert ALL["differences"](brighter, image) < 1e-10
    assert ALL["published"](brighter, image) > 0.01


def test_spatial_frequency_of_a_ramp():
    ramp = torch.arange(7.0).repeat(1, 1, 5, 1) / 10
    flat = torch.zeros_like(ramp)
    assert ALL["differences"](ramp, flat).item() == pytest.approx(0.1**2, rel=1e-4)
