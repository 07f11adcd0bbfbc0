import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.training import ImageSet, gather_images

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (70, 80, 3), np.uint8)
GREY = COLOUR[..., 0]
DEEP = GREY.astype(np.uint16) * 100


def many(count):
    return gather_images(list(RNG.random((count, 64, 66), np.float32)))


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "data"
    (data / "deep" / "deeper").mkdir(parents=True)
    Image.fromarray(GREY).save(data / "grey_1.png")
    Image.fromarray(COLOUR).save(data / "deep" / "colour.JPG", quality=95)
    tifffile.imwrite(data / "deep" / "deeper" / "sixteen.tif", DEEP)
    (data / "notes.txt").write_text("no image")
    (data / ".hidden.png").write_text("of some other program")
    return data


def test_folders_are_searched_with_their_subfolders(folder):
    found = gather_images(folder)
    assert sorted(found.names) == sorted(
        str(folder / name) for name in ("grey_1.png", "deep/colour.JPG", "deep/deeper/sixteen.tif")
    )
    assert found.left_out == ()
    for image in found.images:
        assert (image.shape, image.dtype) == ((70, 80), np.float32)
        assert 0 <= image.min() < 0.1
        assert 0.9 < image.max() <= 1


def test_eight_bits_keep_their_levels_and_sixteen_span_all(folder):
    found = gather_images(str(folder))
    images = dict(zip(found.names, found.images, strict=True))
    np.testing.assert_allclose(images[str(folder / "grey_1.png")], GREY / 255, atol=1e-6)
    deep = images[str(folder / "deep" / "deeper" / "sixteen.tif")]
    assert np.corrcoef(deep.ravel(), GREY.ravel())[0, 1] > 0.999
    assert (deep.min(), deep.max()) == (0, 1)


@pytest.mark.parametrize("name", ["colour.png", "colour.tif", "opaque.png", "opaque.tif"])
def test_a_colour_file_is_one_image(tmp_path, name):
    alpha = np.full((70, 80, 1), 255, np.uint8)
    pixels = np.dstack([COLOUR, alpha]) if "opaque" in name else COLOUR
    if name.endswith("png"):
        Image.fromarray(pixels).save(tmp_path / name)
    else:
        extra = {"extrasamples": ["unassalpha"]} if "opaque" in name else {}
        tifffile.imwrite(tmp_path / name, pixels, photometric="rgb", **extra)
    found = gather_images(tmp_path / name)
    assert [image.shape for image in found.images] == [(70, 80)]
    luminance = COLOUR @ np.array([0.299, 0.587, 0.114]) / 255
    np.testing.assert_allclose(found.images[0], luminance, atol=1e-5)


@pytest.mark.parametrize(
    ("array", "count"),
    [
        (GREY, 1),
        (COLOUR, 1),
        (DEEP, 1),
        (np.dstack([COLOUR, GREY]), 1),
        (np.stack([GREY] * 5), 5),
        (np.stack([COLOUR] * 2), 2),
        ([GREY, COLOUR, np.stack([GREY] * 3)], 5),
    ],
)
def test_arrays(array, count):
    found = gather_images(array)
    assert [image.shape for image in found.images] == [(70, 80)] * count
    assert len(found) == len(found.names) == len(found.sources) == count


def test_every_page_of_a_tiff_is_an_image(tmp_path):
    tifffile.imwrite(tmp_path / "z.tif", np.stack([GREY, GREY[::-1]]), photometric="minisblack")
    found = gather_images(tmp_path)
    np.testing.assert_allclose(found.images[1], GREY[::-1] / 255, atol=1e-6)


def test_an_image_set_is_taken_as_it_is():
    images = many(2)
    assert gather_images(images) is images


def test_what_cannot_be_used_is_listed_and_the_rest_used(folder):
    (folder / "broken.png").write_bytes((folder / "grey_1.png").read_bytes()[:300])
    (folder / "fake.tif").write_text("hello")
    Image.fromarray(GREY[:20]).save(folder / "small.png")
    Image.fromarray(np.full_like(GREY, 7)).save(folder / "flat.png")
    found = gather_images(folder)
    assert len(found) == 3
    told = {text.split(":")[0].rsplit("/", 1)[-1]: text for text in found.left_out}
    assert sorted(told) == ["broken.png", "fake.tif", "flat.png", "small.png"]
    assert "is 20 x 80 px; at least 64 px" in told["small.png"]
    assert "is constant" in told["flat.png"]
    assert told["broken.png"].count("broken.png:") == 1, "named once"


def test_one_bad_plane_does_not_cost_the_others():
    stack = np.stack([GREY, GREY, GREY]).astype(np.float32)
    stack[0, 5, 5] = np.nan
    stack[2] = 3
    found = gather_images(stack)
    assert len(found) == 1
    first, second = found.left_out
    assert "array 0: plane 0: has values that are infinite" in first
    assert "array 0: plane 2: is constant" in second


def test_a_missing_path_is_an_error(tmp_path):
    with pytest.raises(StackError, match="absent does not exist; give a folder of images"):
        gather_images([tmp_path, tmp_path / "absent"])


def test_nothing_usable_says_why(tmp_path):
    with pytest.raises(StackError, match=r"^found no usable image"):
        gather_images(tmp_path)
    for k in range(5):
        (tmp_path / f"x{k}.png").write_text("hello")
    with pytest.raises(StackError, match=r"found no usable image\. Left out: .*x0\.png.*; \.\.\.$"):
        gather_images(tmp_path)


def test_sources_are_folder_and_name_without_number(tmp_path):
    for name in ("a/img_001.png", "a/img_002.png", "a/other.png", "b/img_001.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(GREY).save(tmp_path / name)
    assert gather_images(tmp_path).sources == ("a/img", "a/img", "a/other", "b/img")
    assert gather_images([GREY, GREY]).sources == ("array 0", "array 1")


@pytest.mark.parametrize("count", [2, 3, 11])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_split_leaves_both_sides_something_and_nothing_on_both(count, share):
    images = many(count)
    learn, held_out = images.split(share, seed=5)
    assert sorted(learn.names + held_out.names) == sorted(images.names)
    assert len(learn) >= 1
    assert len(held_out) == min(max(1, round(share * count)), count - 1)
    for part in (learn, held_out):
        for name, image, source in zip(part.names, part.images, part.sources, strict=True):
            at = images.names.index(name)
            assert image is images.images[at]
            assert source == images.sources[at]


def test_split_follows_from_the_seed():
    images = many(20)
    assert images.split(0.3, 1)[1].names == images.split(0.3, 1)[1].names
    assert images.split(0.3, 1)[1].names != images.split(0.3, 2)[1].names


def test_too_few_to_split():
    one = ImageSet((GREY.astype(np.float32),), ("a",), ("a",), ("b.png: broken",))
    with pytest.raises(
        StackError, match=r"got 1 usable image\(s\); training needs at least 2"
    ) as e:
        one.split(0.1, 0)
    assert str(e.value).endswith("Left out: b.png: broken")
