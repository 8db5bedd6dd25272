"""Initial weights, drawn as the public implementation of pix2pix and CycleGAN draws them."""

from collections.abc import Callable

from torch import Tensor, nn

# Each draws a convolution's weights from the global generator; `gain` is init_gain.
INITS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "normal": lambda weight, gain: nn.init.normal_(weight, 0.0, gain),
    "xavier": lambda weight, gain: nn.init.xavier_normal_(weight, gain=gain),
    "kaiming": lambda weight, gain: nn.init.kaiming_normal_(weight, a=0, mode="fan_in"),  # has its own scale
    "orthogonal": lambda weight, gain: nn.init.orthogonal_(weight, gain=gain),
}


def init_weights(network: nn.Module, init: str, gain: float) -> None:
    """Draw weights of `network` in place: of convolutions and linear layers by `init`, a key of `INITS`, of batch norms by normal(1, gain).

    Their biases start at 0. Other layers, such as a scale that starts at 0, keep the weights that their constructors gave them. A network
    on the meta device has shapes alone, so nothing is drawn: torch would load its compiler for that.
    """
    if any(weight.is_meta for weight in network.parameters()):
        return
    draw = INITS[init]
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            draw(module.weight, gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
            nn.init.normal_(module.weight, 1.0, gain)
            nn.init.zeros_(module.bias)
