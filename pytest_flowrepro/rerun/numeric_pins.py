"""Environment variables that make numerical libraries compute alike on different machines. Pure.

A floating-point result depends on the order of its operations. Libraries choose that order by the
number of processors (each thread adds up a part) and by the instructions of the CPU. A
`NumericProfile` fixes both; this module has the variables that configure each library.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_flowrepro.model import NumericProfile
from pytest_flowrepro.support.hardware import CPU_LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_flowrepro.model import Numerics, Package
    from pytest_flowrepro.support.hardware import Hardware

NUMPY = "NPY_DISABLE_CPU_FEATURES"
"""The one variable whose value depends on the environment: numpy renamed the features in 2.4."""

_THREADS = (
    "BLIS_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",  # joblib, and through it `n_jobs=-1` of scikit-learn
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",  # OpenMP: scikit-learn, XGBoost, LightGBM, PyTorch; and Arrow's pool
    "OPENBLAS_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "VECLIB_MAXIMUM_THREADS",  # Accelerate on macOS
)
_FIXED_THREADS = {"MKL_DYNAMIC": "FALSE", "OMP_DYNAMIC": "FALSE"}
"""Variables that keep libraries from using fewer threads than configured."""

# MKL's branches other than COMPATIBLE only act on Intel processors (MKL's Developer Guide,
# "Specifying Code Branches"). glibc's libm has different code with and without FMA: `math.exp`.
# Numba adds the features of the host to a given CPU name unless features are given as well.
_BELOW_V3 = "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-FMA,-FMA_Usable,-FMA4,-FMA4_Usable"
_CPU = {
    "x86-64-v2": {
        "ARROW_USER_SIMD_LEVEL": "SSE4_2",
        "ATEN_CPU_CAPABILITY": "default",
        "DNNL_MAX_CPU_ISA": "SSE41",
        "GLIBC_TUNABLES": _BELOW_V3,
        "MKL_CBWR": "COMPATIBLE",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CPU_NAME": "nehalem",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
    "x86-64-v3": {
        "ARROW_USER_SIMD_LEVEL": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "DNNL_MAX_CPU_ISA": "AVX2",
        "MKL_CBWR": "COMPATIBLE",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CPU_NAME": "haswell",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "x86-64-v4": {
        "ARROW_USER_SIMD_LEVEL": "AVX512",
        "ATEN_CPU_CAPABILITY": "avx512",
        "DNNL_MAX_CPU_ISA": "AVX512_CORE",
        "MKL_CBWR": "COMPATIBLE",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CPU_NAME": "skylake-avx512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
        "OPENBLAS_CORETYPE": "SkylakeX",
    },
}

# Names of numpy's features, before 2.4 and since. Features that are not listed are of no level, as
# AVX512_ICL, or only of one vendor's processors, as FMA4.
_FEATURES = {
    "x86-64-v2": "MMX SSE SSE2 SSE3 SSSE3 SSE41 POPCNT SSE42 CX16 LAHF X86_V2",
    "x86-64-v3": "AVX F16C FMA3 AVX2 MOVBE BMI BMI2 LZCNT X86_V3",
    "x86-64-v4": "AVX512F AVX512CD AVX512VL AVX512BW AVX512DQ AVX512_SKX X86_V4",
}

LIBRARIES = frozenset(
    {
        "faiss-cpu",
        "jaxlib",
        "mkl",
        "numpy",
        "onnxruntime",
        "polars",
        "polars-lts-cpu",
        "pyarrow",
        "tensorflow",
        "torch",
    }
)
"""Distributions, one of which is in every environment that computes with threads or SIMD: all
others (scikit-learn, XGBoost, numexpr, ...) require numpy.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """Environment variables of a rerun, by environment."""

    base: Mapping[str, str] = field(default_factory=dict)
    """The variables of the flow itself and of the steps that run in its environment."""
    steps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The variables with another value, by step; an empty value: as if not set."""

    def of_steps(self, configured: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Return `steps` without variables that the configuration sets: those take precedence."""
        return {
            step: {name: value for name, value in own_variables.items() if name not in configured}
            for step, own_variables in self.steps.items()
        }


NO_PINS = Pins()


def pins(
    profile: NumericProfile,
    hardware: Hardware,
    *,
    base: Numerics,
    steps: Mapping[str, Numerics] = MappingProxyType({}),
) -> Pins:
    """Return the variables that enforce `profile` for the libraries of the environments."""
    of_base = variables(profile, hardware, base)
    of_steps = {step: variables(profile, hardware, numerics) for step, numerics in steps.items()}
    return Pins(
        base=of_base,
        steps={
            step: {NUMPY: of_step.get(NUMPY, "")}
            for step, of_step in of_steps.items()
            if of_step.get(NUMPY) != of_base.get(NUMPY)
        },
    )


def variables(profile: NumericProfile, hardware: Hardware, numerics: Numerics) -> dict[str, str]:
    """Return the variables of one environment, without those that `profile` leaves open."""
    values: dict[str, str] = {}
    if profile.threads is not None:
        values |= dict.fromkeys(_THREADS, str(profile.threads)) | _FIXED_THREADS
    level = level_for(profile, hardware)
    if level is not None:
        values |= _CPU[level]
        levels = CPU_LEVELS[: CPU_LEVELS.index(level) + 1]
        usable = {name for below in levels for name in _FEATURES[below].split()}
        if above := [feature for feature in numerics.features if feature not in usable]:
            values[NUMPY] = " ".join(above)
    return values


def level_for(profile: NumericProfile, hardware: Hardware) -> str | None:
    """Return the CPU level for the libraries: the profile's, or this machine's if that is lower.

    None if the machine decides, on another architecture, and on a machine below all levels.
    """
    if profile.cpu is None or not hardware.has_levels:
        return None
    if hardware.level is None:
        return profile.cpu
    if hardware.level not in CPU_LEVELS:
        return None
    return min(profile.cpu, hardware.level)


def computes(packages: tuple[Package, ...]) -> bool:
    """Return whether an environment has a library whose results may depend on the machine."""
    return any(package.name in LIBRARIES for package in packages)


def another_machine(profile: NumericProfile, hardware: Hardware) -> NumericProfile:
    """Return the profile that another machine would have, as far as this one can imitate it.

    It has another thread count, and the highest other level that this machine has; `cpu` is kept on
    a machine of one level only, and on another architecture.
    """
    usual = hardware.usable if profile.threads is None else profile.threads
    more = min(hardware.usable, _MOST_THREADS) if hardware.usable > 1 else 2
    threads = 1 if usual > 1 else more
    if not hardware.has_levels or hardware.level not in CPU_LEVELS:
        return replace(profile, threads=threads)
    level = level_for(profile, hardware) or hardware.level
    if profile.cpu is not None and level < hardware.level:
        return NumericProfile(threads=threads, cpu=None)
    position = CPU_LEVELS.index(level)
    return NumericProfile(threads=threads, cpu=CPU_LEVELS[max(position - 1, 0)])


_MOST_THREADS = 4
"""Maximum number of threads of the other machine: more than one is enough to show a difference,
and a flow may run several tasks at a time."""


def overridden(profile: NumericProfile, configured: Mapping[str, str]) -> Iterator[str]:
    """Yield sentences about variables of the configuration's `env` that the profile would set."""
    for key, names in (
        ("threads", (*_THREADS, *_FIXED_THREADS)),
        ("cpu", (NUMPY, *sorted({name for level in _CPU.values() for name in level}))),
    ):
        overriding = [name for name in names if name in configured]
        if overriding and getattr(profile, key) is not None:
            verb = "is" if len(overriding) == 1 else "are"
            setting = _profile_setting(profile, key)
            names_set = ", ".join(overriding)
            yield f"{names_set} {verb} set by `env`, which takes precedence over {setting}"


def below(profile: NumericProfile, hardware: Hardware) -> str | None:
    """Return a sentence if this machine cannot apply the profile, else None."""
    if profile.cpu is None:
        return None
    setting = _profile_setting(profile, "cpu")
    if not hardware.has_levels:
        return (
            f"{setting} does not apply to {hardware.machine}: its results may differ in the last "
            "bits"
        )
    if hardware.level is None or hardware.level >= profile.cpu:
        return None
    return (
        f"this machine is {hardware.level}, below {setting}: floating-point results may differ in "
        "the last bits here"
    )


def pinned(profile: NumericProfile) -> str:
    """Return the settings that a profile fixes, as `threads = 1 and cpu = "x86-64-v3"`."""
    fixed = (key for key in ("threads", "cpu") if getattr(profile, key) is not None)
    return " and ".join(_profile_setting(profile, key) for key in fixed)


def _profile_setting(profile: NumericProfile, key: str) -> str:
    value = getattr(profile, key)
    return f"{key} = {value}" if key == "threads" else f'{key} = "{value}"'
