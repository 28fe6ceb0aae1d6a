import gc
import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from layercensus.data import images as images_file
from layercensus.data.images import Images
from layercensus.data.open import open_data
from layercensus.data.source import Source
from layercensus.errors import CensusError
from layercensus.models.prepare import Prepare

RED = (255, 0, 0)


def save(path: Path, size: tuple[int, int] = (8, 6), colour: tuple[int, ...] | int = RED, mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)
    return path


def only(source: Source) -> torch.Tensor:
    """The one example of a source."""
    (batch,) = source.batches(8)
    assert len(batch.ids) == 1
    return batch.inputs[0]


def truncated(path: Path) -> Path:
    """A picture whose file ends half way."""
    save_noise(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def save_noise(path: Path, side: int = 32) -> Path:
    rng = np.random.default_rng(len(path.name))
    Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Real pictures of many sizes and modes."""
    skimage = pytest.importorskip("skimage")
    names = [p for p in Path(skimage.data_dir).iterdir() if p.suffix in (".png", ".jpg", ".gif", ".tif", ".tiff")]
    if len(names) < 5:
        pytest.skip("this scikit-image ships no pictures")
    for path in names:
        if not path.name.startswith("multipage"):
            shutil.copy(path, tmp_path)
    return tmp_path


def test_real_pictures_of_every_size_become_one_batch(photos: Path) -> None:
    prepare = Prepare((64, 48), (0.5,) * 3, (0.25,) * 3, 3, "bicubic", 0.875)
    source = open_data(f"images:{photos}", prepare=prepare)
    batches = list(source.batches(4))
    assert tuple(id for b in batches for id in b.ids) == source.ids == tuple(sorted(p.name for p in photos.iterdir()))
    for batch in batches:
        assert batch.inputs.shape[1:] == (3, 64, 48)
        assert batch.inputs.dtype == torch.float32
        assert -2 <= batch.inputs.min() < batch.inputs.max() <= 2
    again = source.pick([batches[1].ids[2], batches[0].ids[1]])
    assert torch.equal(again.inputs, torch.stack([batches[1].inputs[2], batches[0].inputs[1]]))


def test_a_photograph_is_prepared_as_pillow_would(photos: Path) -> None:
    source = open_data(f"images:{photos}", prepare=Prepare((32, 32), crop=0.8, channels=3))
    name = next(id for id in source.ids or () if id.startswith("coffee") or id.startswith("astronaut"))
    with Image.open(photos / name) as image:
        scale = 40 / min(image.size)
        big = image.convert("RGB").resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC
        )
        left, top = (big.width - 32) // 2, (big.height - 32) // 2
        expected = np.asarray(big.crop((left, top, left + 32, top + 32)), dtype=np.float32) / 255
    np.testing.assert_allclose(source.pick([name]).inputs[0].permute(1, 2, 0).numpy(), expected, atol=1e-6)


def test_ids_are_sorted_relative_paths_and_folders_name_the_classes(tmp_path: Path) -> None:
    for name in ("dog/2.png", "dog/deep/1.png", "cat/9.JPG", "cat/.hidden.png", ".git/x.png", "cat/notes.txt"):
        if name.endswith("txt"):
            (tmp_path / name).write_text("no picture")
        else:
            save(tmp_path / name)
    source = open_data(f"images:{tmp_path}")
    assert source.ids == ("cat/9.JPG", "dog/2.png", "dog/deep/1.png")
    assert source.class_names == ("cat", "dog")
    labels = source.pick(source.ids).labels
    assert labels is not None
    assert labels.tolist() == [0, 1, 1]
    assert source.about["labels"] == "names of the 2 sub-folders"
    given = open_data(f"images:{tmp_path}", labels=["x", "y", "x"]).pick(source.ids).labels
    assert given is not None
    assert given.tolist() == [0, 1, 0]
    with pytest.raises(CensusError, match=r"for each of the 3 examples. Got 1."):
        open_data(f"images:{tmp_path}", labels=[1])


def test_a_picture_outside_the_folders_or_a_single_folder_names_no_classes(tmp_path: Path) -> None:
    save(tmp_path / "cat/1.png")
    assert open_data(f"images:{tmp_path}").class_names is None
    save(tmp_path / "dog/1.png")
    save(tmp_path / "1.png")
    source = open_data(f"images:{tmp_path}")
    assert source.class_names is None
    assert source.pick(["1.png"]).labels is None


@pytest.mark.parametrize("ending", ["jpg", "png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(tmp_path: Path, ending: str, orientation: int) -> None:
    upright = Image.new("L", (32, 16))
    upright.paste(255, (0, 0, 16, 8))  # the upper left quarter is white
    stored_as = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = upright.transpose(stored_as[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"a.{ending}", exif=exif)
    save(tmp_path / "b.png", (32, 16), 0, "L")  # of the same size upright, so no size has to be given
    batch = open_data(f"images:{tmp_path}").pick([f"a.{ending}", "b.png"])
    expected = torch.from_numpy(np.array(upright)).float() / 255
    assert (batch.inputs[0, 0] - expected).abs().max() < 0.05


@pytest.mark.parametrize(
    ("mode", "colour", "grey", "rgb"),
    [
        ("L", 51, 0.2, (0.2, 0.2, 0.2)),
        ("1", 1, 1.0, (1.0, 1.0, 1.0)),
        ("RGB", (255, 0, 51), None, (1.0, 0.0, 0.2)),
        ("RGBA", (255, 0, 51, 255), None, (1.0, 0.0, 0.2)),
        ("RGBA", (0, 0, 0, 0), None, (1.0, 1.0, 1.0)),
        ("RGBA", (0, 0, 0, 204), None, (0.2, 0.2, 0.2)),
        ("LA", (0, 204), 0.2, (0.2, 0.2, 0.2)),
        ("I;16", 13107, 0.2, (0.2, 0.2, 0.2)),
        ("P", 1, None, (1.0, 0.0, 0.2)),
    ],
)
def test_every_mode_comes_as_grey_and_as_rgb(
    tmp_path: Path, mode: str, colour: object, grey: float | None, rgb: tuple
) -> None:
    image = Image.new(mode, (5, 4), colour)  # type: ignore[arg-type]
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 51])
    image.save(tmp_path / "a.png")
    as_rgb = only(open_data(f"images:{tmp_path}", prepare=Prepare(channels=3)))
    assert as_rgb.shape == (3, 4, 5)
    assert as_rgb[:, 2, 2].tolist() == pytest.approx(rgb, abs=0.004)
    kept = only(open_data(f"images:{tmp_path}"))
    assert kept.shape == ((3 if grey is None else 1), 4, 5)
    as_grey = only(open_data(f"images:{tmp_path}", prepare=Prepare(channels=1)))
    assert as_grey.shape == (1, 4, 5)
    if grey is not None:
        assert as_grey[0, 2, 2].item() == pytest.approx(grey, abs=1e-4 if mode == "I;16" else 0.004)


def test_transparent_palettes_and_floating_grey(tmp_path: Path) -> None:
    image = Image.new("P", (5, 4), 0)
    image.putpalette([255, 0, 0])
    image.save(tmp_path / "a.png", transparency=0)
    assert only(open_data(f"images:{tmp_path}"))[:, 0, 0].tolist() == [1, 1, 1]
    Image.fromarray(np.full((4, 5), 0.25, np.float32)).save(tmp_path / "a.tiff")
    (tmp_path / "a.png").unlink()
    assert only(open_data(f"images:{tmp_path}")).unique().tolist() == [0.25]


def test_sixteen_bits_keep_their_depth(tmp_path: Path) -> None:
    deep = np.arange(20, dtype=np.uint16).reshape(4, 5)
    Image.fromarray(deep).save(tmp_path / "a.png")
    np.testing.assert_allclose(only(open_data(f"images:{tmp_path}"))[0].numpy(), deep / np.float32(65535), rtol=1e-6)


def test_mixed_channels_become_rgb(tmp_path: Path) -> None:
    save(tmp_path / "a.png", colour=51, mode="L")
    save(tmp_path / "b.png")
    source = open_data(f"images:{tmp_path}")
    assert source.pick(source.ids or ()).inputs.shape == (2, 3, 6, 8)
    assert source.about["inputs"] == "channels as the files have them (RGB)"


@pytest.mark.parametrize("unreadable", [False, True])
def test_mixed_sizes_name_two_files(tmp_path: Path, unreadable: bool) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    save(tmp_path / "c.png", (9, 6))
    if unreadable:
        (tmp_path / "0.png").write_text("not a picture")
    said = (
        r"share one size, or the model must have a Prepare\(size=\(height, width\)\). Got a.png of 8 x 6 and c.png of 9"
    )
    with pytest.raises(CensusError, match=said):
        open_data(f"images:{tmp_path}")
    assert open_data(f"images:{tmp_path}", prepare=Prepare((4, 4))).pick(["a.png", "c.png"]).inputs.shape == (
        2,
        3,
        4,
        4,
    )


def test_a_normalisation_for_three_channels_asks_for_three(tmp_path: Path) -> None:
    save(tmp_path / "a.png", colour=51, mode="L")
    x = only(open_data(f"images:{tmp_path}", prepare=Prepare(mean=(0.2, 0.1, 0.0), std=(0.1, 0.1, 0.1))))
    assert x[:, 0, 0].tolist() == pytest.approx([0, 1, 2], abs=1e-5)


@pytest.fixture
def partly_bad(tmp_path: Path) -> Path:
    for name in ("a", "c", "e"):
        save_noise(tmp_path / f"{name}.png")
    truncated(tmp_path / "b.jpg")
    (tmp_path / "d.png").write_text("this is no picture")
    (tmp_path / "f.gif").touch()
    return tmp_path


@pytest.mark.parametrize(("limit", "named"), [(0, "b.jpg"), (1, "d.png"), (2, "f.gif")])
def test_the_first_bad_file_too_many_is_an_error_that_says_what_to_do(partly_bad: Path, limit: int, named: str) -> None:
    source = open_data(f"images:{partly_bad}", limit_bad=limit)
    with pytest.raises(CensusError) as caught:
        list(source.batches(1))
    said = str(caught.value)
    assert f"{partly_bad / named} must be a readable picture" in said
    assert f"allow for such files with limit_bad={limit + 1}." in said
    assert "\n" not in said


def test_bad_files_are_skipped_named_and_counted_once(partly_bad: Path) -> None:
    source = open_data(f"images:{partly_bad}", limit_bad=3)
    assert "skipped" not in source.about
    for _ in range(2):
        batches = list(source.batches(2))
        assert [b.ids for b in batches] == [("a.png",), ("c.png",), ("e.png",)]
    assert source.pick(["b.jpg", "a.png"]).ids == ("a.png",)
    assert source.first(3).ids == ("a.png", "c.png")  # of the first three files
    assert source.about["skipped"] == "3 (b.jpg, d.png, f.gif)"
    assert json.loads(json.dumps(source.about)) == source.about


def test_many_skipped_files_are_counted_and_the_first_named(tmp_path: Path) -> None:
    save(tmp_path / "zz.png")
    for n in range(25):
        (tmp_path / f"{n:02}.png").touch()
    source = open_data(f"images:{tmp_path}", limit_bad=100)
    list(source.batches(4))
    skipped = source.about["skipped"]
    assert skipped.startswith("25 (00.png, 01.png")
    assert skipped.endswith("19.png and more)")


def test_folders_that_cannot_be_counted(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/a.png").touch()
    (tmp_path / "file.png").touch()
    for name, said in {
        "missing": "must be a folder. Got no such folder.",
        "file.png": "must be a folder. Got a file.",
        "empty": "must hold pictures. Got a folder without any file that looks like one.",
    }.items():
        with pytest.raises(CensusError, match=said):
            open_data(f"images:{tmp_path}/{name}")
    with pytest.raises(CensusError, match=r"must hold a readable picture. Got 1 files, none of which can be decoded."):
        list(open_data(f"images:{tmp_path}/bad", limit_bad=5).batches(2))


def test_nothing_is_decoded_before_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(40):
        save(tmp_path / f"{n:02}.png")
    read: list[str] = []
    original = images_file.read_picture

    def watched(path: Path, prepare: Prepare, channels: int) -> torch.Tensor:
        read.append(path.stem)
        return original(path, prepare, channels)

    monkeypatch.setattr(images_file, "read_picture", watched)
    source = open_data(f"images:{tmp_path}")
    assert read == []
    batches = source.batches(4)
    next(batches)
    assert len(read) <= 8
    batches.close()  # type: ignore[attr-defined]
    assert len(read) <= 8
    read.clear()
    list(source.batches(4, skip=lambda id: id >= "03"))
    assert sorted(read) == ["00", "01", "02"]


@pytest.mark.parametrize("how", ["close", "forget", "interrupt"])
def test_the_decoders_end_with_their_reader(tmp_path: Path, how: str) -> None:
    for n in range(30):
        save(tmp_path / f"{n:02}.png")
    before = set(threading.enumerate())
    batches = open_data(f"images:{tmp_path}").batches(2)
    next(batches)
    decoders = set(threading.enumerate()) - before
    assert decoders
    if how == "close":
        batches.close()  # type: ignore[attr-defined]
    elif how == "interrupt":
        with pytest.raises(KeyboardInterrupt):
            batches.throw(KeyboardInterrupt())  # type: ignore[attr-defined]
    else:
        del batches
        gc.collect()
    assert not any(thread.is_alive() for thread in decoders)


def test_a_name_that_is_not_unicode_gets_an_id_all_the_same(tmp_path: Path) -> None:
    try:
        (Path(str(tmp_path)) / "caf\udce9.png").write_bytes(save(tmp_path / "a.png").read_bytes())
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such name")
    source = Images(str(tmp_path))
    assert source.pick(source.ids or ()).ids == ("a.png", "caf\\udce9.png")
