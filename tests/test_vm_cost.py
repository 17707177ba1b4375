"""The reference kernel is what it says it is, and the signal path can be weighed against it."""

import hashlib
import importlib.util
import os

import pytest

from sim.vm import cost, load, setup
from sim.vm.host import Vm

# Figures of different days compare only as long as the kernel is the same file.
KERNEL_SHA256 = "0aea760e4f6db3e157b7a2319cb5d6d4f407c295c63cf07ffa5f422229b8177e"

needs_vm = pytest.mark.skipif(
    bool(setup.missing()) and not os.environ.get("CI"), reason=setup.missing() or "ready"
)


@pytest.fixture(scope="module")
def kernel():
    path = setup.HERE / "reference_kernel.py"
    spec = importlib.util.spec_from_file_location("reference_kernel", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_kernel_has_not_changed():
    content = (setup.HERE / "reference_kernel.py").read_bytes()
    assert hashlib.sha256(content).hexdigest() == KERNEL_SHA256


def test_the_kernel_is_the_filter_it_names(kernel):
    import numpy as np
    from scipy import signal

    random = np.random.default_rng(2)
    red = np.clip(random.normal(0, 3000, 1000), -8000, 8000).astype(int)
    ir = (6000 * np.sin(2 * np.pi * 1.3 * np.arange(1000) / 100)).astype(int)
    sections = signal.butter(8, 8, fs=100, output="sos")
    want = [signal.sosfilt(sections, channel) for channel in (red, ir)]
    got = (red.tolist(), ir.tolist())
    kernel.run(kernel.new(), *got, 1000)
    for ours, theirs in zip(got, want, strict=True):
        assert np.abs(np.array(ours) - theirs).max() < 40  # Q14 poles, and 0.7 % of the input


# Runs under a locked heap: there, an integer of more than 31 bits is a MemoryError.
_LOCKED = """\
import micropython, reference_kernel
red = [16384 if i % 50 < 25 else -16384 for i in range(600)]
ir = [(i * 7919 & 16383) - 8192 for i in range(600)]
memory = reference_kernel.new()
def locked():
    micropython.heap_lock()
    try:
        reference_kernel.run(memory, red, ir, 600)
    finally:
        micropython.heap_unlock()
locked()
print(red)
print(ir)
"""


@needs_vm
def test_the_kernel_stays_in_31_bits_and_is_the_same_on_both_interpreters(kernel):
    red = [16384 if i % 50 < 25 else -16384 for i in range(600)]
    ir = [(i * 7919 & 16383) - 8192 for i in range(600)]
    kernel.run(kernel.new(), red, ir, 600)
    with Vm(heap_kib=128) as vm:
        assert vm.run(_LOCKED).splitlines() == [str(red), str(ir)]


@needs_vm
def test_cost_weighs_both():
    measured = cost.measure(cost.pulse_signal(4))
    assert 0 < measured.kernel_us < 10_000 and measured.core_us > 0
    assert measured.ratio == pytest.approx(measured.core_us / measured.kernel_us)


@needs_vm
def test_the_whole_app_leaves_the_processor_its_rest():
    """A ratio of two times of one run, so that it says the same on every machine, nearly."""
    measured = load.measure()
    assert measured.code_pct > 3 and measured.sensor_bus_pct > 2 and measured.display_bus_pct > 0.1
    assert measured.together_pct <= load.BUDGET_PCT
