import numpy as np
import pytest
import torch
from PIL import Image

from napari_umis_fusion import TrainingConfig
from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.network import PlaneRanker, UNetPlusPlus
from napari_umis_fusion.training import StepDone
from napari_umis_fusion.training.data import ImageSet, collect_images
from napari_umis_fusion.training.loop import train
from napari_umis_fusion.training.loop._trainer import torch_threads
from napari_umis_fusion.training.objectives import _losses as losses
from napari_umis_fusion.training.objectives._reconstruct import (
    ReconstructObjective,
    as_input,
    as_picture,
    psnr_of_unit_images,
)

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Tensors as small as these only wait for more."""
    with torch_threads(1):
        yield


CONFIG = TrainingConfig.reference(batch=3, width_px=37, height_px=33, seed=4)


def images(count, seed=0):
    return collect_images(list(np.random.default_rng(seed).random((count, 64, 70), np.float32)))


def objective_of(count=7, held_out=2, **options):
    torch.manual_seed(0)
    return ReconstructObjective(CONFIG.replace(**options), images(count), images(held_out, 1))


@pytest.fixture(scope="module")
def objective():
    return objective_of()


def resized(image):
    grey = Image.fromarray(np.rint(image * 255).astype(np.uint8))
    return np.asarray(grey.resize((37, 33), Image.Resampling.BILINEAR)) / np.float32(127.5) - 1


def orientations(image):
    return [image, image[::-1], image[:, ::-1]]


def test_an_epoch_takes_every_image_once_turned_or_not(objective):
    assert objective.steps_per_epoch == 3
    whole = [resized(image) for image in images(7).images]
    for epoch in (0, 5):
        batches = [objective.batch(3 * epoch + k) for k in range(3)]
        assert [tuple(b.shape) for b in batches] == [(3, 1, 33, 37), (3, 1, 33, 37), (1, 1, 33, 37)]
        taken = torch.cat(batches)[:, 0].numpy()
        found = [
            {
                (i, turn)
                for i, image in enumerate(whole)
                for turn, turned in enumerate(orientations(image))
                if np.allclose(turned, plane, atol=1e-6)
            }
            for plane in taken
        ]
        assert [len(f) for f in found] == [1] * 7, "each is one image, turned in one way"
        assert sorted(i for f in found for i, _ in f) == list(range(7))


def test_without_augmentation_nothing_is_flipped():
    objective = objective_of(1, batch=1, augmentation=0.0)
    whole = resized(images(1).images[0])
    for step in range(20):
        np.testing.assert_allclose(objective.batch(step)[0, 0], whole, atol=1e-6)


def test_features_are_tried_on_a_rendered_stack_of_the_held_out_image():
    """Features of an image itself must choose better than chance."""
    objective = objective_of(2)
    objective.model.eval()
    metrics = objective.validate_example(0, CPU).metrics
    stack = objective._renderers[0].draw([2, 0])
    chance = [psnr_of_unit_images(plane, stack.all_in_focus) for plane in stack.steady]
    assert metrics["psnr_fused"] >= min(chance)
    assert metrics["psnr_fused"] == objective.validate_example(0, CPU).metrics["psnr_fused"], (
        "the same each time"
    )


def test_flips_are_drawn_evenly():
    objective = objective_of(1, batch=1)
    whole = resized(images(1).images[0])
    turns = [
        next(
            turn
            for turn, turned in enumerate(orientations(whole))
            if np.allclose(turned, objective.batch(step)[0, 0], atol=1e-6)
        )
        for step in range(60)
    ]
    assert min(turns.count(turn) for turn in range(3)) > 10


def test_a_batch_follows_from_seed_and_step(objective):
    again = objective_of()
    for step in (4, 0, 2):  # in any order
        assert torch.equal(objective.batch(step), again.batch(step))
    assert not torch.equal(objective.batch(0), objective.batch(3)), "epochs are shuffled anew"
    assert not torch.equal(objective_of(seed=5).batch(0), objective.batch(0))


@pytest.mark.parametrize("kind", ["published", "differences"])
def test_losses_are_the_four_weighted(kind):
    weights = {
        "mse_weight": 2.0,
        "ssim_weight": 0.5,
        "gradient_weight": 7.0,
        "spatial_frequency_weight": 3.0,
    }
    objective = objective_of(spatial_frequency=kind, **weights)
    batch = objective.batch(0)
    objective.model.eval()
    terms = objective.losses(batch, CPU)
    rebuilt = objective.model(batch)
    expected = {
        "mse": 2 * losses.mse_loss(rebuilt, batch),
        "ssim": 0.5 * losses.ssim_loss(rebuilt, batch),
        "gradient": 7 * losses.gradient_loss(rebuilt, batch),
        "spatial_frequency": 3 * losses.spatial_frequency_loss(rebuilt, batch, kind),
    }
    assert list(terms) == list(expected)
    for name, term in terms.items():
        torch.testing.assert_close(term, expected[name])


def test_the_published_weights_give_the_published_loss(objective):
    batch = objective.batch(0)
    objective.model.eval()
    terms = objective.losses(batch, CPU)
    rebuilt = objective.model(batch)
    frequency = losses.spatial_frequency_loss(rebuilt, batch, "published")
    published = losses.mse_loss(rebuilt, batch) + 3 * losses.ssim_loss(rebuilt, batch)
    published += losses.gradient_loss(rebuilt, batch) + 2 * frequency
    torch.testing.assert_close(sum(terms.values()), published)


def test_losses_are_in_float32_where_the_network_is_not(objective, monkeypatch):
    seen = []
    for name in ("mse_loss", "ssim_loss", "gradient_loss", "spatial_frequency_loss"):
        whole = getattr(losses, name)

        def watched(rebuilt, image, *rest, whole=whole):
            seen.append((rebuilt.dtype, image.dtype, whole(rebuilt, image, *rest).dtype))
            return whole(rebuilt, image, *rest)

        monkeypatch.setattr(losses, name, watched)
    inside = []
    handle = objective.model.register_forward_hook(lambda *parts: inside.append(parts[2].dtype))
    with torch.autocast("cpu", torch.bfloat16):
        objective.losses(objective.batch(0), CPU)
    handle.remove()
    assert inside == [torch.bfloat16]
    assert seen == [(torch.float32,) * 3] * 4


def test_a_batch_of_one_image_trains(objective):
    objective.model.train()
    sum(objective.losses(objective.batch(2), CPU).values()).backward()
    assert all(p.grad.isfinite().all() for p in objective.model.parameters())


def test_an_attempt_measures_and_shows(objective):
    objective.model.eval()
    trial = objective.validate_example(1, CPU)
    metrics, samples = trial.metrics, trial.samples
    terms = [metrics[name] for name in ("mse", "ssim", "gradient", "spatial_frequency")]
    assert metrics["loss"] == pytest.approx(sum(terms))
    assert metrics[objective.score] == -metrics["loss"]
    image = torch.from_numpy(resized(images(2, 1).images[1]))[None, None]
    rebuilt = objective.model(image).detach()[0, 0].numpy() / 2 + 0.5
    np.testing.assert_allclose(samples["image"], image[0, 0] / 2 + 0.5, atol=1e-6)
    np.testing.assert_allclose(samples["rebuilt"], np.clip(rebuilt, 0, 1), atol=1e-5)
    error = np.mean((rebuilt - samples["image"]) ** 2)
    assert metrics["psnr"] == pytest.approx(-10 * np.log10(error), abs=1e-3)
    for picture in samples.values():
        assert (picture.shape, picture.dtype) == ((33, 37), np.float32)
        assert 0 <= picture.min() <= picture.max() <= 1


@pytest.mark.parametrize(("held_out", "validation_examples"), [(1, 1), (5, 5), (60, 48)])
def test_validation_examples_are_the_images_held_out(held_out, validation_examples):
    objective = objective_of(2, held_out)
    assert objective.validation_examples == validation_examples
    objective.validate_example(validation_examples - 1, CPU)


@pytest.mark.parametrize(("count", "batch", "steps"), [(1, 8, 1), (8, 8, 1), (9, 8, 2), (7, 3, 3)])
def test_steps_of_an_epoch(count, batch, steps):
    assert objective_of(count, batch=batch).steps_per_epoch == steps


def test_grey_levels_to_and_fro():
    levels = np.array([[[0, 255, 128]]], np.uint8)
    given = as_input(levels)
    assert (tuple(given.shape), given.dtype) == ((1, 1, 1, 3), torch.float32)
    np.testing.assert_allclose(given[0, 0, 0], [-1, 1, 128 / 127.5 - 1], atol=1e-7)
    np.testing.assert_allclose(as_picture(given) * 255, levels[0], atol=1e-4)


def test_psnr():
    black = np.zeros((4, 4), np.float32)
    assert psnr_of_unit_images(black, black) == pytest.approx(90)
    assert psnr_of_unit_images(black + np.float32(0.1), black) == pytest.approx(20, abs=1e-4)


def test_another_network_is_no_start():
    given = UNetPlusPlus()
    parts = CONFIG, images(2), images(2)
    assert ReconstructObjective(*parts, given).model is given
    with pytest.raises(ConfigError, match="initial weights of a PlaneRanker; objective='reconst"):
        ReconstructObjective(*parts, PlaneRanker())


@pytest.mark.slow
def test_training_lowers_the_loss():
    ramp = np.linspace(0, 1, 64, dtype=np.float32)
    pictures = (np.outer(ramp, ramp), np.outer(ramp, 1 - ramp), np.tile(ramp, (64, 1)))
    names = ("a", "b", "c")
    settings = TrainingConfig.reference(
        batch=2,
        width_px=32,
        height_px=32,
        steps=25,
        schedule="constant",
        learning_rate=1e-3,
        device="cpu",
        threads=2,
    )
    events = list(train(ImageSet(pictures, names, names), settings))
    totals = [event.losses["total"] for event in events if isinstance(event, StepDone)]
    assert np.mean(totals[-3:]) < 0.75 * np.mean(totals[:3])
