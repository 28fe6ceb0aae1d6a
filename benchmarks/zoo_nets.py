"""One small member of every family of nets, with random weights, and a few inputs that it takes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from layercensus.models.hf_net import without_cache

EXAMPLES = 8
SIDES = (64, 96, 128, 160, 192, 224, 256, 288, 384, 448, 512)
SMALL = (
    "400mf",
    "test_",
    "atto",
    "femto",
    "pico",
    "nano",
    "xxs",
    "xxt",
    "micro",
    "tiny",
    "_t",
    "mini",
    "_xs",
    "small",
    "_s",
    "050",
)
VIDEO, DETECTS = ("r3d", "mc3", "r2plus1d", "s3d", "mvit", "swin3d"), ("rcnn", "retinanet", "fcos", "ssd")
TINY = {
    "vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 48, "max_position_embeddings": 64, "d_model": 32, "n_embd": 32, "n_layer": 2, "n_head": 4,
    "n_positions": 64, "n_ctx": 64, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "num_layers": 2, "num_heads": 4,
    "d_ff": 48, "d_kv": 8, "image_size": 32, "patch_size": 8, "num_decoder_layers": 2, "head_dim": 8, "dim": 32,
    "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "embedding_size": 32, "num_experts": 4, "num_local_experts": 4,
    "rotary_dim": 4, "emb_dim": 32, "ffn_dim": 48, "word_embed_proj_dim": 32, "num_mel_bins": 8, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1, "max_source_positions": 50,
    "max_target_positions": 16, "state_size": 8, "projection_dim": 16, "moe_intermediate_size": 24, "q_lora_rank": 8,
    "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 8, "window_size": 4,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "ffn_hidden_size": 48,
}  # fmt: skip
OWN = {  # what a family needs beside or in place of these
    "funnel": {"block_sizes": [1, 1], "num_decoder_layers": 1, "architectures": ["FunnelModel"]},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]}, "xmod": {"default_language": "en_XX"},
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 1}, "levit": {"image_size": 224, "patch_size": 16},
    "mobilevitv2": {"image_size": 64, "patch_size": 2}, "swin2sr": {"patch_size": 1},
    "reformer": {"axial_pos_embds": False, "attn_layers": ["local", "local"]}, "hiera": {"image_size": [224, 224]},
    "efficientnet": {"hidden_dim": 2560}, "swinv2": {"image_size": 32, "patch_size": 4, "depths": [1, 1]},
    "convnext": {"image_size": 32, "patch_size": 4, "depths": [1, 1, 2, 1], "hidden_sizes": [16, 16, 32, 32]},
    "convnextv2": {"image_size": 32, "patch_size": 4, "depths": [1, 1, 2, 1], "hidden_sizes": [16, 16, 32, 32]},
    "swin": {"image_size": 32, "patch_size": 4, "depths": [1, 1], "num_heads": [2, 4], "embed_dim": 16},
}  # fmt: skip
TEXT = """
    albert bert big_bird bloom bart blenderbot camembert canine codegen cohere convbert ctrl deberta deberta-v2
    distilbert electra ernie esm falcon flaubert fnet funnel gemma gemma2 gpt2 gpt_bigcode gpt_neo gpt_neox gptj
    granite ibert led llama longformer longt5 luke m2m_100 mamba mamba2 marian mbart megatron-bert mistral
    mixtral mobilebert modernbert mpnet mpt mt5 mvp nystromformer olmo olmo2 opt pegasus persimmon phi phi3
    plbart prophetnet qwen2 qwen2_moe qwen3 recurrent_gemma reformer rembert roberta roformer rwkv squeezebert
    stablelm starcoder2 switch_transformers t5 umt5 xglm xlm xlm-roberta xlnet xmod
"""
PICTURES = """
    beit bit convnext convnextv2 cvt data2vec-vision deit dinov2 dpt efficientnet focalnet glpn hiera levit
    mobilenet_v1 mobilenet_v2 mobilevit mobilevitv2 poolformer pvt pvt_v2 regnet resnet segformer swiftformer
    swin swin2sr swinv2 vit vit_mae vit_msn vitdet ijepa dinov3_vit
"""
SOUNDS = """
    audio-spectrogram-transformer data2vec-audio hubert sew unispeech unispeech-sat wav2vec2 wavlm whisper
"""
PAIRS = "clip siglip chinese_clip altclip"


@dataclass(frozen=True)
class Family:
    """A family's name and how its member and inputs are made."""

    library: str
    name: str
    make: Callable[[], tuple[nn.Module, Any]]  # inputs: a tensor or a dict, EXAMPLES examples on axis 0


def families() -> Iterator[Family]:
    """Every family of the libraries that are installed."""
    for found in (_timm, _torchvision, _transformers, _others):
        try:
            yield from found()
        except ModuleNotFoundError:
            continue


def noise(*shape: int) -> Tensor:
    """Standard normal numbers, always the same, a row an example."""
    return torch.randn(EXAMPLES, *shape, generator=torch.Generator().manual_seed(0))


def _timm() -> Iterator[Family]:
    import timm

    members = {module: timm.list_models(module=module) for module in timm.list_modules()}
    smallest = {module: min(names, key=_smallness) for module, names in members.items() if names}
    for module, name in sorted(smallest.items(), key=lambda item: _smallness(item[1])):
        yield Family("timm", f"{module}: {name}", lambda name=name: _of_timm(timm, name))


def _smallness(name: str) -> tuple[int, int, str]:
    return next((n for n, hint in enumerate(SMALL) if hint in name), len(SMALL)), len(name), name


def _of_timm(timm: Any, name: str) -> tuple[nn.Module, Tensor]:
    plain = timm.create_model(name, pretrained=False).eval()
    channels, side, _ = timm.data.resolve_model_data_config(plain)["input_size"]
    for own in SIDES:
        if own < side and _takes(plain, noise(channels, own, own)):
            return plain, noise(channels, own, own)
    for own in SIDES[: 3 if side > SIDES[2] else 0]:  # nets made for one size
        with suppress(Exception):
            small = timm.create_model(name, pretrained=False, img_size=own).eval()
            if _takes(small, noise(channels, own, own)):
                return small, noise(channels, own, own)
    return plain, noise(channels, side, side)


def _takes(net: nn.Module, inputs: Any) -> bool:
    try:
        with torch.inference_mode():
            net(inputs[:2])
    except Exception:
        return False
    return True


def _torchvision() -> Iterator[Family]:
    import torchvision.models as nets

    seen: set[str] = set()
    for name in sorted(nets.list_models(), key=lambda n: (_smallness(n), n)):
        if name.startswith("quantized") or _stem(name) in seen:
            continue
        seen.add(_stem(name))  # the smallest
        yield Family("torchvision", name, lambda name=name: _of_torchvision(nets, name))


def _stem(name: str) -> str:
    """A name without how large its net is.

    >>> [_stem(name) for name in ("vit_b_16", "vgg11_bn", "efficientnet_v2_s", "regnet_x_1_6gf", "resnext50_32x4d")]
    ['vit', 'vgg_bn', 'efficientnet_v2', 'regnet_x', 'resnext']
    """
    plain = re.sub(r"_([bsmlth](_\d+)?|b\d|base|tiny|small|large|x?\d_\d(gf)?|\d+(gf|mf)|\d+x\d+d|\d+)$", "", name)
    return re.sub(r"(?<!_v)\d+(_\d+)?(?=_|$)", "", plain)


def _of_torchvision(nets: Any, name: str) -> tuple[nn.Module, Tensor]:
    extra: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if any(part in name for part in (*DETECTS, "deeplab", "fcn", "lraspp")):
        extra = {"weights_backbone": None}
    if any(part in name for part in ("rcnn", "retinanet", "fcos")):
        extra |= {"min_size": 96, "max_size": 128}  # what its own code resizes pictures to, 800 and more otherwise
    if name.startswith("vit_"):
        extra = {"image_size": 64}
    net = nets.get_model(name, weights=None, **extra).eval()
    if name.startswith("raft"):
        return net, {"image1": noise(3, 128, 128)[:4].tanh(), "image2": noise(3, 128, 128)[4:].tanh()}
    if any(part in name for part in VIDEO):
        return net, noise(3, 16, 224, 224)[:4] if name[:2] in ("mv", "s3") else noise(3, 8, 112, 112)[:4]
    if any(part in name for part in DETECTS):
        return net, noise(3, 96, 96)[:4].sigmoid()
    side = next((side for side in SIDES if _takes(net, noise(3, side, side))), 299)
    return net, noise(3, side, side)


def _transformers() -> Iterator[Family]:
    import transformers

    known = transformers.CONFIG_MAPPING
    for name in f"{TEXT} {PICTURES} {SOUNDS} {PAIRS}".split():
        if name in known:
            yield Family("transformers", name, lambda name=name: _of_transformers(transformers, name))


def _of_transformers(transformers: Any, name: str) -> tuple[nn.Module, Any]:
    kind = transformers.CONFIG_MAPPING[name]
    config = kind(**(_tiny(kind) | OWN.get(name, {})))
    for part in ("text_config", "vision_config"):
        if name in PAIRS.split():
            inner = type(getattr(config, part))
            setattr(config, part, inner(**_tiny(inner)))
    net = transformers.AutoModel.from_config(config).eval()
    without_cache(net)
    tokens = torch.randint(3, 99, (EXAMPLES, 16), generator=torch.Generator().manual_seed(0))
    own = getattr(config, "image_size", None) or 64
    side = own if isinstance(own, int) else own[0]
    if name in PAIRS.split():
        tokens[:, -1] = 2
        return net, {"input_ids": tokens, "pixel_values": noise(3, 32, 32)}
    if name in PICTURES.split():
        return net, noise(getattr(config, "num_channels", 3), side, side)
    start = {"decoder_input_ids": tokens[:, :8]} if getattr(config, "is_encoder_decoder", False) else {}
    if name in SOUNDS.split():
        main = net.main_input_name
        spectrogram = tuple(getattr(net.config, side, 0) for side in ("max_length", "num_mel_bins"))
        shape = {"whisper": (8, 100), "audio-spectrogram-transformer": spectrogram}.get(name, (4000,))
        return net, {main: noise(*shape)} | start if start else noise(*shape)
    return net, {"input_ids": tokens} | start


def _tiny(kind: Any) -> dict[str, Any]:
    own = set(inspect.signature(kind.__init__).parameters) | set(getattr(kind, "__annotations__", ()))
    own |= set(vars(kind()))
    return {
        key: value
        for key, value in TINY.items()
        if key in own and not isinstance(getattr(kind(), key, 0), (list, tuple))
    }


def _others() -> Iterator[Family]:
    yield Family("torch", "transformer encoder", _encoder)
    yield Family("torch", "M5 on raw sound", _m5)
    yield Family("diffusers", "UNet2D", _unet)
    yield Family("torch_geometric", "dense GCN", _graph)


def _encoder() -> tuple[nn.Module, Tensor]:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 48, batch_first=True), 2).eval(), noise(10, 32)


def _m5() -> tuple[nn.Module, Tensor]:
    parts: list[nn.Module] = []
    for before, after, width, stride in ((1, 16, 80, 4), (16, 16, 3, 1), (16, 32, 3, 1)):
        parts += [nn.Conv1d(before, after, width, stride), nn.BatchNorm1d(after), nn.ReLU(), nn.MaxPool1d(4)]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 10)).eval(), noise(1, 4000)


def _unet() -> tuple[nn.Module, Any]:
    from diffusers import UNet2DModel

    net = UNet2DModel(
        sample_size=16, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, attention_head_dim=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    return net.eval(), {"sample": noise(3, 16, 16), "timestep": torch.arange(EXAMPLES)}


def _graph() -> tuple[nn.Module, Any]:
    from torch_geometric.nn import DenseGCNConv

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.act, self.conv2 = DenseGCNConv(8, 16), nn.ReLU(), DenseGCNConv(16, 4)

        def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
            out: Tensor = self.conv2(self.act(self.conv1(x, adjacency)), adjacency).mean(1)
            return out

    links = (noise(10, 10) > 0).float()
    return Net().eval(), {"x": noise(10, 8), "adjacency": ((links + links.mT) > 0).float()}
