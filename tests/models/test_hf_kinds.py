"""Folders of transformers of every kind, made here with random weights: which class, which inputs, which answers."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import layercensus as lc
from layercensus.data.images import Images
from layercensus.data.text import Lines
from layercensus.errors import CensusError
from layercensus.layers.net import call
from layercensus.models.model import Model
from layercensus.models.open import open_model
from layercensus.models.twin import untrained

transformers = pytest.importorskip("transformers")
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "dog", "ran", ".")
PICTURES = {
    "image_processor_type": "ViTImageProcessor", "do_resize": True, "size": {"height": 32, "width": 32}, "resample": 2,
    "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.5, 0.25, 0.2],
}  # fmt: skip


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    transformers.utils.logging.disable_progress_bar()
    yield
    transformers.utils.logging.enable_progress_bar()


def saved(net: Any, folder: Path, processor: dict[str, Any] | None = None, words: bool = False) -> Path:
    net.save_pretrained(folder)
    if processor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    if words:
        (folder / "vocab.txt").write_text("\n".join(WORDS))
        transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def vit(head: bool = True) -> Any:
    config = transformers.ViTConfig(**TINY, image_size=32, patch_size=8, id2label={0: "cat", 1: "dog", 2: "owl"})
    return transformers.ViTForImageClassification(config) if head else transformers.ViTModel(config)


def clip() -> Any:
    text = TINY | {"vocab_size": len(WORDS), "max_position_embeddings": 12, "bos_token_id": 2, "eos_token_id": 3}
    config = transformers.CLIPConfig(
        text_config=text, vision_config=TINY | {"image_size": 32, "patch_size": 8}, projection_dim=8
    )
    return transformers.CLIPModel(config)


def tensors_of(output: Any) -> Tensor:
    first: Tensor = next(value for value in output.values() if isinstance(value, Tensor) and value.is_floating_point())
    return first


def test_a_picture_net_keeps_its_head_and_its_processor(tmp_path: Path) -> None:
    net = vit().eval()
    opened = open_model(f"hf:{saved(net, tmp_path / 'vit', PICTURES)}")
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 40, 3), dtype=np.uint8))
    (tmp_path / "photos").mkdir()
    image.save(tmp_path / "photos" / "a.png")
    x = Images(str(tmp_path / "photos"), opened.prepare).first(1).inputs
    resized = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR), dtype=np.float32) / 255
    expected = (resized - np.array([0.5, 0.4, 0.3])) / np.array([0.5, 0.25, 0.2])
    assert np.allclose(x[0].numpy(), expected.transpose(2, 0, 1), atol=1e-5)
    assert opened.classes == ("cat", "dog", "owl")
    with torch.inference_mode():
        assert torch.equal(opened.net.eval()(x).logits, net(x).logits)
    assert opened.prepare is not None
    assert opened.prepare.describe().startswith(
        "RGB, resized (bilinear), 32 x 32, (x - 0.5/0.4/0.3) / 0.5/0.25/0.2 on the scale 0..1; by its ViTImageProcessor"
    )


def test_a_picture_net_without_its_processor_is_told_so(tmp_path: Path) -> None:
    said = r"must say how its inputs are prepared \(preprocessor_config\.json\)"
    with pytest.raises(CensusError, match=said) as caught:
        open_model(f"hf:{saved(vit(), tmp_path)}")
    assert "\n" not in str(caught.value)


def test_a_head_that_predicts_a_vocabulary_is_left_out_and_said(tmp_path: Path) -> None:
    config = transformers.GPT2Config(vocab_size=len(WORDS), n_positions=16, n_embd=16, n_layer=2, n_head=2)
    opened = open_model(f"hf:{saved(transformers.GPT2LMHeadModel(config), tmp_path, words=True)}")
    assert opened.about["head"] == "left out of GPT2LMHeadModel: its answers are the last hidden states"
    assert answers(opened).shape[-1] == 16


def test_a_decoder_keeps_nothing_of_what_it_has_read(tmp_path: Path) -> None:
    sizes = {"vocab_size": len(WORDS), "num_hidden_layers": 2, "hidden_size": 16, "intermediate_size": 24}
    config = transformers.RecurrentGemmaConfig(**sizes, num_attention_heads=2, num_key_value_heads=1, head_dim=8)
    with pytest.raises(ValueError, match=r"get_seq_length"):  # of its own: transformers' default keeps it
        transformers.RecurrentGemmaModel(config)(torch.tensor([[5, 6, 7]]))
    opened = open_model(f"hf:{saved(transformers.RecurrentGemmaModel(config), tmp_path, words=True)}")
    assert answers(opened).shape[-1] == 16
    assert answers(Model(untrained(opened, 0)[0], "twin", example=opened.example)).shape[-1] == 16
    assert opened.example is not None
    with torch.inference_mode():
        assert call(opened.net, opened.example()).get("past_key_values") is None


def answers(opened: Model) -> Tensor:
    assert opened.example is not None
    with torch.inference_mode():
        return tensors_of(call(opened.net.eval(), opened.example()))


def test_a_sentence_classifier_keeps_its_head(tmp_path: Path) -> None:
    config = transformers.BertConfig(**TINY, vocab_size=len(WORDS), num_labels=5)
    opened = open_model(f"hf:{saved(transformers.BertForSequenceClassification(config), tmp_path, words=True)}")
    assert answers(opened).shape == (3, 5)


def test_an_encoder_decoder_is_given_its_text_twice(tmp_path: Path) -> None:
    config = transformers.T5Config(
        vocab_size=len(WORDS), d_model=16, d_kv=8, d_ff=24, num_layers=2, num_heads=2, decoder_start_token_id=0
    )
    folder = saved(transformers.T5ForConditionalGeneration(config), tmp_path / "t5", words=True)
    (tmp_path / "lines.txt").write_text("the cat sat .\nthe dog ran\n")
    opened = open_model(f"hf:{folder}")
    inputs = Lines(str(tmp_path / "lines.txt"), opened.prepare).first(2).inputs
    assert inputs["decoder_input_ids"][:, 0].tolist() == [0, 0]
    assert torch.equal(inputs["decoder_input_ids"][:, 1:], inputs["input_ids"][:, :-1])
    assert answers(opened).shape[-1] == 16


@pytest.mark.parametrize(("tower", "width"), [("vision", 16), ("text", 16)])
def test_each_tower_of_two(tower: str, width: int, tmp_path: Path) -> None:
    net = clip().eval()
    opened = open_model(f"hf:{saved(net, tmp_path, PICTURES, words=True)}:{tower}")
    assert opened.name == f"hf:{tmp_path.name}:{tower}"
    assert answers(opened).shape[-1] == width
    own, whole = opened.net.state_dict(), getattr(net, f"{tower}_model").state_dict()
    assert own.keys() == whole.keys()
    assert all(torch.equal(own[name], whole[name]) for name in own)
    assert type(untrained(opened, 0)[0]) is type(opened.net)


def test_both_towers_take_pictures_and_texts(tmp_path: Path) -> None:
    opened = open_model(f"hf:{saved(clip(), tmp_path / 'clip', PICTURES, words=True)}")
    assert opened.example is not None
    assert {"pixel_values", "input_ids"} <= set(opened.example())
    assert answers(opened).shape == (3, 3)  # every text against every picture
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (40, 40), "red").save(tmp_path / "photos" / "a.png")
    with pytest.raises(CensusError, match=r"takes pictures and texts together\. Got pictures alone: .*:vision"):
        lc.take(opened, f"images:{tmp_path / 'photos'}")
    (tmp_path / "lines.txt").write_text("the cat\n")
    with pytest.raises(CensusError, match=r"takes pictures and texts together\. Got texts alone: .*:text"):
        lc.take(opened, f"text:{tmp_path / 'lines.txt'}")


def test_a_tower_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CensusError, match=r"must have a part named text\. Got a net of one\."):
        open_model(f"hf:{saved(vit(), tmp_path, PICTURES)}:text")


def test_sound_by_its_feature_extractor(tmp_path: Path) -> None:
    config = transformers.Wav2Vec2Config(
        **TINY, conv_dim=(8, 8), conv_kernel=(10, 8), conv_stride=(5, 4), num_feat_extract_layers=2,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    processor = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 8000, "do_normalize": True}
    opened = open_model(f"hf:{saved(transformers.Wav2Vec2Model(config), tmp_path, processor)}")
    assert opened.prepare is not None
    assert opened.prepare.sound is not None
    assert opened.prepare.rate == 8000
    samples = np.random.default_rng(0).standard_normal(4000).astype(np.float32) * 3 + 1
    x = opened.prepare.sound(samples)
    assert np.allclose(x.numpy(), (samples - samples.mean()) / samples.std(), atol=1e-4)
    said = "one channel, 8,000 samples a second, input_values by its Wav2Vec2FeatureExtractor"
    assert opened.prepare.describe() == said
    assert answers(opened).ndim == 3


def test_whisper_begins_with_its_first_token(tmp_path: Path) -> None:
    config = transformers.WhisperConfig(
        vocab_size=20, num_mel_bins=8, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_source_positions=50,
        max_target_positions=8, decoder_start_token_id=7, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    processor = {"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 8, "chunk_length": 1}
    opened = open_model(f"hf:{saved(transformers.WhisperModel(config), tmp_path, processor)}")
    assert opened.example is not None
    inputs = opened.example()
    assert inputs["decoder_input_ids"].tolist() == [[7], [7]]
    assert inputs["input_features"].shape == (2, 8, 100)
    assert answers(opened).shape == (2, 1, 16)


def test_sentence_encoders_whose_net_lies_in_a_folder_of_its_own(tmp_path: Path) -> None:
    config = transformers.BertConfig(**TINY, vocab_size=len(WORDS))
    net = transformers.BertModel(config)
    saved(net, tmp_path / "0_Transformer", words=True)
    modules = [
        {"idx": 0, "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "0_Transformer" / "sentence_bert_config.json").write_text('{"max_seq_length": 9}')
    opened = open_model(f"hf:{tmp_path}")
    assert opened.prepare is not None
    assert opened.prepare.max_length == 9
    assert opened.about["behind"] == "left out behind the tokens: Pooling"
    assert all(torch.equal(a, b) for a, b in zip(opened.net.parameters(), net.parameters(), strict=True))


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of peft about transformers
def test_an_adapter_is_added_to_the_net_that_it_names(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    base = transformers.BertModel(transformers.BertConfig(**TINY, vocab_size=len(WORDS)))
    saved(base, tmp_path / "base", words=True)
    wanted = peft.LoraConfig(r=2, target_modules=["query"], init_lora_weights=False)
    adapted = peft.get_peft_model(transformers.BertModel.from_pretrained(tmp_path / "base"), wanted)
    adapted.save_pretrained(tmp_path / "adapter")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "../base"
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(config))
    opened = open_model(f"hf:{tmp_path / 'adapter'}")
    name = "encoder.layer.0.attention.self.query"
    layer = adapted.base_model.model.get_submodule(name)
    expected = layer.base_layer.weight + layer.get_delta_weight("default")
    assert torch.allclose(opened.net.get_submodule(name).weight, expected, atol=1e-6)
    assert not torch.allclose(expected, base.get_submodule(name).weight, atol=1e-3)
    assert opened.about["adapter"] == "LORA"
    assert isinstance(opened.net.get_submodule(name), nn.Linear)


def test_an_adapter_without_peft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(transformers.BertModel(transformers.BertConfig(**TINY, vocab_size=len(WORDS))), tmp_path / "base", words=True)
    (tmp_path / "adapter").mkdir()
    adapter = {"base_model_name_or_path": str(tmp_path / "base"), "peft_type": "LORA"}
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(adapter))
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(CensusError, match=r"needs peft: pip install 'layercensus\[hf\]'"):
        open_model(f"hf:{tmp_path / 'adapter'}")


def test_pictures_are_counted_by_the_net_that_a_folder_holds(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for n in range(6):
        Image.fromarray(random.integers(0, 255, (40, 36 + n, 3), dtype=np.uint8)).save(tmp_path / "photos" / f"{n}.png")
    settings = lc.Settings(progress=False, needed=False, twins=1, pictures=0)
    name = f"hf:{saved(vit(), tmp_path / 'vit', PICTURES)}"
    census = lc.take(name, f"images:{tmp_path / 'photos'}", settings=settings)
    assert census.about["examples"] == 6
    rows = census.layers.set_index("layer")
    assert rows.loc["classifier", "width"] == 3


def test_a_preparation_can_be_sent_to_another_process(tmp_path: Path) -> None:
    prepare = open_model(f"hf:{saved(vit(), tmp_path, PICTURES)}").prepare
    assert prepare is not None
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8))
    sent = pickle.loads(pickle.dumps(prepare))
    assert torch.equal(sent.transform(image), prepare.transform(image))
