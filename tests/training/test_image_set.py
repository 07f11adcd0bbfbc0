import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_umis_fusion.errors import StackError, StackFileError
from napari_umis_fusion.training.data import ImageSet, collect_images, load_images

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (70, 80, 3), np.uint8)
GREY = COLOUR[..., 0]
DEEP = GREY.astype(np.uint16) * 100


def many(count):
    return collect_images(list(RNG.random((count, 64, 66), np.float32)))


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
    found = collect_images(folder)
    assert sorted(found.names) == sorted(
        str(folder / name) for name in ("grey_1.png", "deep/colour.JPG", "deep/deeper/sixteen.tif")
    )
    assert found.left_out == ()
    for image in found.images:
        assert (image.shape, image.dtype) == ((70, 80), np.float32)
        assert 0 <= image.min() < 0.1
        assert 0.9 < image.max() <= 1


def test_eight_bits_keep_their_levels_and_sixteen_span_all(folder):
    found = collect_images(str(folder))
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
    found = collect_images(tmp_path / name)
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
    found = collect_images(array)
    assert [image.shape for image in found.images] == [(70, 80)] * count
    assert len(found) == len(found.names) == len(found.sources) == count


def test_every_page_of_a_tiff_is_an_image(tmp_path):
    tifffile.imwrite(tmp_path / "z.tif", np.stack([GREY, GREY[::-1]]), photometric="minisblack")
    found = collect_images(tmp_path)
    np.testing.assert_allclose(found.images[1], GREY[::-1] / 255, atol=1e-6)


def test_an_image_set_is_taken_as_it_is():
    images = many(2)
    assert collect_images(images) is images


def test_what_cannot_be_used_is_listed_and_the_rest_used(folder):
    (folder / "broken.png").write_bytes((folder / "grey_1.png").read_bytes()[:300])
    (folder / "fake.tif").write_text("hello")
    Image.fromarray(GREY[:20]).save(folder / "small.png")
    Image.fromarray(np.full_like(GREY, 7)).save(folder / "flat.png")
    found = collect_images(folder)
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
    found = collect_images(stack)
    assert len(found) == 1
    first, second = found.left_out
    assert "array 0 plane 0: has values that are infinite" in first
    assert "array 0 plane 2: is constant" in second


def test_a_missing_path_is_an_error(tmp_path):
    with pytest.raises(StackError, match="absent does not exist; give a folder of images"):
        collect_images([tmp_path, tmp_path / "absent"])


def test_nothing_usable_says_why(tmp_path):
    with pytest.raises(StackError, match=r"^found no usable image"):
        collect_images(tmp_path)
    for k in range(5):
        (tmp_path / f"x{k}.png").write_text("hello")
    with pytest.raises(StackError, match=r"no usable image; .* Left out: .*x0\.png.*; \.\.\.$"):
        collect_images(tmp_path)


def test_sources_are_folder_and_name_without_number(tmp_path):
    for name in ("a/img_001.png", "a/img_002.png", "a/other.png", "b/img_001.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(GREY).save(tmp_path / name)
    assert collect_images(tmp_path).sources == ("a/img", "a/img", "a/other", "b/img")
    assert collect_images([GREY, GREY]).sources == ("array 0", "array 1")


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
    with pytest.raises(StackError, match=r"got 1 usable image; training needs at least 2") as e:
        one.split(0.1, 0)
    assert str(e.value).endswith("Left out: b.png: broken")


def test_a_split_with_test_leaves_something_to_all():
    images = many(10)
    learn, held_out, test = images.split_with_test(0.2, 0.3, 4)
    assert [len(part) for part in (learn, held_out, test)] == [5, 2, 3]
    assert sorted(learn.names + held_out.names + test.names) == sorted(images.names)
    again = images.split_with_test(0.2, 0.3, 4)
    assert [part.names for part in again] == [learn.names, held_out.names, test.names]


def test_without_a_test_share_the_split_is_the_plain_one():
    images = many(12)
    learn, held_out, test = images.split_with_test(0.25, 0.0, 3)
    plain = images.split(0.25, 3)
    assert (learn.names, held_out.names) == tuple(part.names for part in plain)
    assert len(test) == 0
    order = np.random.default_rng(3).permutation(12)  # states that are saved depend on it
    assert held_out.names == tuple(images.names[i] for i in sorted(order[:3]))


@pytest.mark.parametrize(
    ("count", "shares", "sizes"),
    [
        (2, (0.5, 0.5), (1, 1, 0)),
        (3, (0.5, 0.5), (1, 1, 1)),
        (3, (0.0, 0.01), (1, 1, 1)),
        (4, (0.9, 0.5), (1, 1, 2)),
        (20, (0.9, 0.1), (1, 17, 2)),
    ],
)
def test_few_images_are_learnt_from_and_validated_on_first(count, shares, sizes):
    parts = many(count).split_with_test(*shares, seed=0)
    assert tuple(len(part) for part in parts) == sizes


def test_too_few_to_split_with_test():
    with pytest.raises(StackError, match=r"got 1 usable image;"):
        many(1).split_with_test(0.1, 0.1, 0)


@pytest.mark.parametrize("name", ["images.npz", "images"])
def test_saved_images_are_loaded_exactly(tmp_path, name):
    odd = RNG.random((65, 70), np.float32), RNG.random((3, 64)).astype(np.float32)
    images = ImageSet(odd, ("ä.png", "b\n"), ("s", ""), ("c: broken",))
    path = images.save(tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    loaded = load_images(path)
    assert (loaded.names, loaded.sources) == (images.names, images.sources)
    assert loaded.left_out == images.left_out
    for image, before in zip(loaded.images, odd, strict=True):
        assert image.dtype == np.float32
        np.testing.assert_array_equal(image, before)


def test_images_that_cannot_be_saved_leave_the_old_file(tmp_path, monkeypatch):
    path = many(2).save(tmp_path / "images.npz")

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(StackFileError, match=r"cannot be saved \(the disk is full\); free some"):
        many(3).save(path)
    assert len(load_images(path)) == 2
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["missing", "text", "cut", "empty", "another"])
def test_files_that_hold_no_images_are_refused(tmp_path, kind):
    path = many(2).save(tmp_path / "images.npz")
    whole = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "another":
        np.savez(path, image_0=GREY)
    else:
        path.write_bytes({"text": b"hello", "cut": whole[: len(whole) // 2], "empty": b""}[kind])
    with pytest.raises(StackFileError, match=r"images\.npz: the images cannot be loaded"):
        load_images(path)
