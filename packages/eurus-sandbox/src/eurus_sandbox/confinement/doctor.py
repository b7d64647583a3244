"""What holds here, what does not, and what to do about it: the words of ``eurus sandbox doctor`` and of refusals."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from eurus_core.installing import how_to_install
from eurus_core.records import Tier

REMEDIES = {
    "uid drop": "Nothing is lost for an ordinary user. Root can install Python where everybody may read it: apt-get install python3",
    "namespaces": "Needs user namespaces: sysctl -w user.max_user_namespaces=10000; on Ubuntu also "
    "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0; in Docker --security-opt seccomp=unconfined. Without them code "
    "has no folder to write to",
    "tmpfs quota": "Needs namespaces, and a kernel that lets them mount tmpfs. Without it code has no folder to write to",
    "Landlock": "Landlock needs Linux 5.13 or newer, with landlock among the kernel's lsm=; without it, code can read your files",
    "seccomp": "seccomp needs libseccomp (apt-get install libseccomp2, or dnf install libseccomp) and a kernel that allows filters; "
    "without it, code can reach the network and start processes",
}
_OURS = "A layer that every Linux has did not work: report it with the output of eurus sandbox doctor --json"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as the zygote found it. ``about`` says why it is not active, or which version of it is."""

    name: str
    active: bool
    about: str

    @property
    def remedy(self) -> str:
        """What to do where the layer is not active."""
        if self.active:
            return ""
        if self.about.startswith("maximum_tier"):
            return 'Set maximum_tier = "T3"'
        return REMEDIES.get(self.name, _OURS)


def refusal(reached: Tier, minimum: Tier, layers: Sequence[Layer]) -> str:
    """Say why the sandbox does not start: what is missing for the tier that was asked for, and how to run with less."""
    from eurus_sandbox.confinement.layers import ADDED  # Linux only

    needed = {layer for tier, added in ADDED.items() if reached < tier <= minimum for layer in added}
    reasons = " ".join(
        f"{layer.name} is missing: {layer.about}. {layer.remedy}."
        for layer in layers
        if layer.name in needed and not layer.active and not layer.about.startswith("of no use")
    )
    return (
        f"The sandbox reaches tier {reached}; minimum_tier is {minimum}. {reasons} "
        f'To run with less all the same, set minimum_tier = "{reached}" (--sandbox-min {reached}).'
    )


def elsewhere(platform: str = sys.platform) -> str:
    """Say what to do where there is no Linux."""
    return (
        f"The sandbox is held by Linux (found {platform}): what watches, stops and ends a session's process is not there, so not "
        "even --sandbox-min T0 runs model code. Run Eurus in a Linux container, begun in the folder that holds its clone: "
        'docker run -it -v "$PWD:$PWD" -w "$PWD" python:3.12 bash, and then in it: '
        + how_to_install("eurus-sandbox", into_nothing=True).removeprefix("Run: ")
    )
