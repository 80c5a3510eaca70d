"""What the machine has and what is made of it, on machines that are not here: containers, GPUs, ARM, broken drivers."""

import dataclasses
from pathlib import Path

import pytest

from textmill import hardware
from textmill.errors import ResourceError
from textmill.hardware import Compiler, Gpu, Hardware, choose, detect
from textmill.hardware import limits as limits_module
from textmill.hardware.detect import physical_cores, processor_features, processor_model
from textmill.i18n import set_language

GPP = Compiler(path="/usr/bin/g++", version="g++ 12", python_headers=True)
A100 = Gpu(device="cuda:0", name="A100", memory=40 << 30, capability=(8, 0), bf16=True)
V100 = Gpu(device="cuda:0", name="V100", memory=16 << 30, capability=(7, 0), bf16=False)
APPLE = Gpu(device="mps", name="Apple GPU", memory=8 << 30, capability=None, bf16=False)


def machine(*features: str, **changes: object) -> Hardware:
    """A made-up machine: this one's facts with others in their place."""
    here = detect()
    processor = dataclasses.replace(
        here.processor, model="Test", features=features, usable_cores=4.0, usable_physical_cores=4
    )
    fixed = {"gpus": (), "gpu_makers": (), "gpu_problem": "", "compiler": GPP, "torch_build": "cpu"}
    return dataclasses.replace(here, processor=processor, **{**fixed, **changes})  # type: ignore[arg-type]


def test_this_machine() -> None:
    here = detect()
    assert here is detect()
    assert 0 < here.memory_available <= here.memory_total
    assert 1 <= here.processor.usable_physical_cores <= here.processor.logical_cores
    assert here.torch
    assert here.libraries["numpy"]


@pytest.mark.parametrize("feature", ["amx_bf16", "avx512_bf16", "bf16"])
def test_bf16_where_the_processor_multiplies_it(feature: str) -> None:
    precision, reason = hardware.default_precision("cpu", machine("avx2", feature))
    assert precision == "bf16"
    assert feature in str(reason)


def test_fp32_without_units_and_why_in_both_languages() -> None:
    precision, reason = hardware.default_precision("cpu", machine("avx2", "avx512f", "amx_int8"))
    assert precision == "fp32"
    assert "Test has no bf16" in str(reason)
    set_language("zh")
    assert "没有 bf16" in str(reason)


@pytest.mark.parametrize(("gpu", "wanted"), [(A100, "bf16"), (V100, "fp32"), (APPLE, "fp32")])
def test_precision_on_gpus(gpu: Gpu, wanted: str) -> None:
    device, _ = hardware.default_device(machine("amx_bf16", gpus=(gpu,)))
    assert device == gpu.device.partition(":")[0]
    assert hardware.default_precision(device, machine("amx_bf16", gpus=(gpu,)))[0] == wanted


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "device_cpu"),
        ({"gpu_makers": ("NVIDIA",)}, "device_nvidia_unused"),
        ({"gpu_makers": ("NVIDIA",), "torch_build": "cuda 13.0", "gpu_problem": "driver too old"}, "device_problem"),
        ({"gpu_makers": ("AMD", "Intel")}, "device_other_gpu"),
    ],
)
def test_cpu_says_why_no_gpu(changes: dict[str, object], key: str) -> None:
    device, reason = hardware.default_device(machine(**changes))
    assert (device, reason.key) == ("cpu", key)
    assert str(reason)


def test_device_that_is_not_there() -> None:
    assert hardware.check_device("", machine()) == "cpu"
    assert hardware.check_device("cuda", machine(gpus=(A100,))) == "cuda"
    with pytest.raises(ResourceError, match="cuda:1"):
        hardware.check_device("cuda:1", machine(gpus=(A100,)))


def test_compiling_needs_a_compiler_and_headers() -> None:
    assert hardware.can_compile("cpu", machine())[0]
    possible, reason = hardware.can_compile("cpu", machine(compiler=None))
    assert (possible, reason.key) == (False, "compile_no_compiler")
    bare = dataclasses.replace(GPP, python_headers=False)
    assert hardware.can_compile("cpu", machine(compiler=bare))[1].key == "compile_no_headers"
    assert hardware.can_compile("mps", machine())[0] is False


def test_missing_compiler_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert hardware.detect.__wrapped__().compiler is None
    broken = tmp_path / "g++"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    assert hardware.detect.__wrapped__().compiler is None


def test_one_thread_a_physical_core() -> None:
    assert hardware.default_threads(machine()) == 4
    single = machine()
    one_core = dataclasses.replace(single.processor, usable_physical_cores=1, usable_cores=2.0)
    assert hardware.default_threads(dataclasses.replace(single, processor=one_core)) == 2
    half = dataclasses.replace(one_core, usable_cores=0.5)
    assert hardware.default_threads(dataclasses.replace(single, processor=half)) == 1


def test_physical_cores_behind_logical_ones(tmp_path: Path) -> None:
    for number, siblings in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        folder = tmp_path / f"cpu{number}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings + "\n")
    assert physical_cores({0, 1, 2, 3}, tmp_path) == 2
    assert physical_cores({0, 2}, tmp_path) == 1
    assert physical_cores({9}, tmp_path) == 0


def test_processor_features_of_x86_and_arm() -> None:
    x86 = "model name\t: Xeon\nflags\t\t: fpu avx2 avx512f avx512_bf16 amx_bf16 amx_tile amx_int8\n"
    assert processor_model(x86) == "Xeon"
    assert processor_features(x86) == ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_int8")
    assert processor_features("Features\t: fp asimd bf16 i8mm sve\n") == ("neon", "bf16", "i8mm", "sve")
    assert processor_features("") == ()


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_limits_of_a_container_version_2(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/work/job\n",
        "sys/fs/cgroup/work/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/work/job/cpu.max": "max 100000\n",
        "sys/fs/cgroup/work/memory.max": "4000\n",
        "sys/fs/cgroup/work/memory.current": "3000\n",
        "sys/fs/cgroup/work/memory.stat": "anon 1\ninactive_file 500\n",
        "sys/fs/cgroup/work/job/memory.max": "max\n",
    }
    root = write(tmp_path, files)
    assert limits_module.processor_limit(root) == 1.5
    assert limits_module.memory_limit(root) == (4000, 1500)


def test_limits_of_a_container_version_1(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "4:memory:/docker/a\n3:cpu,cpuacct:/docker/a\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "8000\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "1000\n",
    }
    root = write(tmp_path, files)
    assert limits_module.processor_limit(root) == 0.5
    assert limits_module.memory_limit(root) == (8000, 7000)


def test_no_limits(tmp_path: Path) -> None:
    unlimited = {
        "proc/self/cgroup": "4:memory:/\n0::/\n",
        "sys/fs/cgroup/cpu.max": "max 100000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "1000\n",
    }
    for root in (tmp_path / "nothing", write(tmp_path / "unlimited", unlimited)):
        assert limits_module.processor_limit(root) is None
        assert limits_module.memory_limit(root) is None


def test_measurements_are_plausible() -> None:
    assert 1e8 < hardware.gemm_peak(seconds=0.02, size=128) < 1e15
    assert 1e8 < hardware.memory_bandwidth(seconds=0.02, megabytes=8) < 1e14


def test_broken_driver_does_not_stop_the_doctor(monkeypatch: pytest.MonkeyPatch, run_textmill) -> None:
    import torch

    def broken() -> bool:
        raise RuntimeError("Unexpected error from cudaGetDeviceCount()\nmore")

    monkeypatch.setattr(torch.cuda, "is_available", broken)
    detect.cache_clear()
    try:
        document = run_textmill("doctor", "--json").ok().document
    finally:
        monkeypatch.undo()
        detect.cache_clear()
    assert document["used"]["device"]["value"] == "cpu"
    assert any("cudaGetDeviceCount" in item["what"] for item in document["missing"])


def test_doctor_for_people_in_both_languages(run_textmill) -> None:
    english = run_textmill("doctor").ok().out
    chinese = run_textmill("doctor", "--ui-language", "zh").ok().out
    assert "What will be used, and why" in english
    assert "将使用什么，为什么" in chinese
    assert len(english.splitlines()) < 40


def test_doctor_follows_the_projects_settings_and_survives_a_broken_file(run_textmill, project) -> None:
    document = (
        run_textmill("doctor", "--json", cwd=project.root, env={"TEXTMILL_TRAIN__PRECISION": "bf16"}).ok().document
    )
    assert document["used"]["precision"]["value"] == "bf16"
    assert document["project"] == str(project.root)
    project.settings_file.write_text("this is = not [toml", encoding="utf-8")
    document = run_textmill("doctor", "--json", cwd=project.root).ok().document
    assert str(project.settings_file) in document["missing"][0]["what"]


def test_doctor_names_what_a_compiler_would_give(run_textmill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textmill.cli.doctor.detect", lambda: machine(compiler=None))
    document = run_textmill("doctor", "--json").ok().document
    assert document["used"]["compile"]["value"] == "off"
    assert any(
        "C++ compiler" in item["what"] and choose.compiler_hint() in item["what"] for item in document["missing"]
    )


def test_measure(run_textmill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textmill.cli.doctor.gemm_peak", lambda *_, **__: 2e9)
    monkeypatch.setattr("textmill.cli.doctor.memory_bandwidth", lambda *_, **__: 3e9)
    assert run_textmill("doctor", "--measure", "--json").ok().document["measured"]["gemm_fp32"] == 2e9
    assert "2.0 GFLOP/s" in run_textmill("doctor", "--measure").ok().out


@pytest.mark.gpu
def test_this_gpu() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")
    assert detect().gpus
    assert hardware.default_device()[0] == "cuda"
    assert hardware.gemm_peak("bf16", seconds=0.2, size=4096, device="cuda") > 1e12


def test_freed_memory_is_kept_where_glibc_is() -> None:
    import platform

    from textmill.hardware.allocator import keep_freed_memory

    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")
