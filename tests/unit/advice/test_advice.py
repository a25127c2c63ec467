"""Every failure for lack of something comes with the lines to add.

The texts are those of the real libraries: raised here where the library is installed, else out of
tests/failures.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from situations import situation

from pytest_flowrepro.advice.advice import advise, step_advice
from pytest_flowrepro.advice.tracebacks import find_lack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_flowrepro.advice.advice import Situation

FAILURES = Path(__file__).parents[2] / "failures"

RAISED = {
    "open": "open('data/x.csv')",
    "pathlib": "import pathlib\npathlib.Path('data/x.csv').read_text()",
    "os.listdir": "import os\nos.listdir('data/x.csv')",
    "shutil": "import shutil\nshutil.copy('data/x.csv', 'y')",
    "zipfile": "import zipfile\nzipfile.ZipFile('data/x.csv')",
    "gzip": "import gzip\ngzip.open('data/x.csv').read()",
    "elementtree": "import xml.etree.ElementTree as tree\ntree.parse('data/x.csv')",
    "sqlite3": "import sqlite3\nsqlite3.connect('data/x.csv')",
    "sqlite3 table": "import sqlite3\nname = 'x.csv'\n"
    "sqlite3.connect(':memory:' if 'data/x.csv' else name).execute('select * from sales')",
    "sqlite3 uri": "import sqlite3\nsqlite3.connect('file:data/x.csv?mode=ro', uri=True)",
    "yaml": "import yaml\nyaml.safe_load(open('data/x.csv'))",
    "pandas csv": "import pandas\npandas.read_csv('data/x.csv')",
    "pandas json": "import pandas\npandas.read_json('data/x.csv')",
    "pandas pickle": "import pandas\npandas.read_pickle('data/x.csv')",
    "numpy load": "import numpy\nnumpy.load('data/x.csv')",
    "numpy loadtxt": "import numpy\nnumpy.loadtxt('data/x.csv')",
    "numpy genfromtxt": "import numpy\nnumpy.genfromtxt('data/x.csv')",
    "numpy fromfile": "import numpy\nnumpy.fromfile('data/x.csv')",
    "chained": "try:\n    open('data/x.csv')\nexcept OSError as error:\n"
    "    raise RuntimeError('no rates today') from error",
    "subprocess cwd": "import subprocess\nsubprocess.run(['ls'], cwd='data/x.csv')",
    "subprocess path": "import subprocess\nsubprocess.run(['data/x.csv'])",
    "command": "import subprocess\nsubprocess.run(['no-such-command', '-v'])",
    "shell": "import subprocess\nsubprocess.run('no-such-command -v', shell=True, check=True)",
    "module": "import no_such_module.deep",
    "module alias": "import importlib\nimportlib.import_module('skimage.io')",
    "optional": "import sys\nsys.modules['odf'] = None\nimport pandas\n"
    "pandas.read_excel('x.ods', engine='odf')",
    "metadata": "import importlib.metadata\nimportlib.metadata.version('no-such-package')",
    "name": "from requests import no_such_name",
    "attribute": "import requests\nrequests.no_such_name",
    "relative": "from .rates import vat",
    "library": "import ctypes\nctypes.CDLL('libno-such.so.7')",
    "environ": "import os\nos.environ['SHOP_TOKEN']",
    "environ pop": "import os\nos.environ.pop('SHOP_TOKEN')",
    "environ del": "import os\ndel os.environ['SHOP_TOKEN']",
    "aws": "import boto3\nboto3.client('sts', region_name='eu-west-1').get_caller_identity()",
    "aws region": "import boto3\nboto3.client('ec2')",
    "aws profile": "import boto3\nboto3.Session(profile_name='shop')",
    "aws endpoint": "import boto3\nfrom botocore.config import Config\n"
    "boto3.client('s3', endpoint_url='http://127.0.0.1:9', aws_access_key_id='x',"
    " aws_secret_access_key='y', config=Config(retries={'max_attempts': 0})).list_buckets()",
    "requests": "import requests\nrequests.get('http://127.0.0.1:9/x')",
    "urllib": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/x')",
    "socket": "import socket\nsocket.create_connection(('no-such-host.invalid', 80))",
    "certificate": "import ssl\nraise ssl.SSLCertVerificationError(1, '[SSL: "
    "CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate')",
    "input": "input()",
    "user key": "{'a': 1}['b']",
    "user sentence": "raise ValueError('the price of shop.total was not found')",
    "user module": "import json\njson.no_such_name",
}

AROUND = "<flow TrainFlow step start> failed:\n    Internal error\n{}\nTask failed.\n"
"""A step's log."""

SCRIPT = """
import json, os, pathlib, runpy, sys, traceback
said = {}
for name, text in json.load(sys.stdin).items():
    file = pathlib.Path(sys.argv[1], "raise_" + name.replace(" ", "_") + ".py")
    file.write_text(text)
    try:
        runpy.run_path(str(file), run_name="__main__")
    except BaseException:
        said[name] = traceback.format_exc()
json.dump(said, sys.stdout)
"""


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What each of RAISED raised, and each file of tests/failures, by its name."""
    folder = tmp_path_factory.mktemp("raised")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, folder],
        input=json.dumps(RAISED),
        capture_output=True,
        text=True,
        env=env,
        cwd=folder,
        check=True,
    )
    said: dict[str, str] = json.loads(done.stdout)
    assert set(said) == set(RAISED)
    said |= {file.stem: file.read_text(encoding="utf-8") for file in FAILURES.glob("*.txt")}
    return {
        name: text if name.startswith("metaflow-") else AROUND.format(text)
        for name, text in said.items()
    }


@pytest.fixture
def at(tmp_path: Path) -> Situation:
    file = tmp_path / "flows/train.py"
    file.parent.mkdir()
    file.touch()
    return situation(file, root=tmp_path, copies=tmp_path.parent / "session")


FILES = (
    *(
        (name, "data/x.csv")
        for name in (
            *("open", "pathlib", "os.listdir", "shutil", "zipfile", "gzip", "elementtree"),
            *("sqlite3", "sqlite3 table", "sqlite3 uri", "yaml", "chained"),
            *("pandas csv", "pandas json", "pandas pickle"),
            *("numpy load", "numpy loadtxt", "numpy genfromtxt", "numpy fromfile"),
            *("subprocess cwd", "subprocess path"),
            *("polars-read_csv", "polars-read_csv-glob", "duckdb-sql"),
        )
    ),
    ("pandas-read_hdf", "data/x.h5"),
    ("pandas-read_parquet", "data/x.parquet"),
    ("pandas-read_sql", "x.db"),
    ("sqlalchemy-connect", "data/x.db"),
    ("pyarrow-ParquetFile", "data/x.parquet"),
    ("joblib-load", "data/x.joblib"),
    ("h5py-File", "data/x.h5"),
    ("netcdf4-Dataset", "data/x.nc"),
    ("geopandas-read_file", "data/x.shp"),
    ("pillow-open", "data/x.png"),
    ("lxml-parse", "data/x.xml"),
    ("xgboost-load_model", "data/x.json"),
    ("lightgbm-Booster", "data/x.txt"),
    ("jinja2-get_template", "templates/report.html"),
)


@pytest.mark.parametrize(("name", "path"), FILES)
def test_a_file_that_only_the_users_tree_has_comes_with_its_include_line(
    at: Situation, texts: Mapping[str, str], name: str, path: str
) -> None:
    file = at.cwd / path
    file.parent.mkdir(exist_ok=True)
    file.touch()
    advice = step_advice(texts[name], at)
    assert advice is not None
    named = "data/*.csv" if "glob" in name else path
    assert f'    [tool.flowrepro.flow.TrainFlow]\n    include = ["{named}"]\n' in advice


@pytest.mark.parametrize(("name", "path"), FILES)
def test_a_file_that_another_folder_has_comes_with_the_folder_to_start_from(
    at: Situation, texts: Mapping[str, str], name: str, path: str
) -> None:
    file = at.root / path
    file.parent.mkdir(exist_ok=True)
    file.touch()
    advice = step_advice(texts[name], at)
    assert advice is not None
    named = "data/*.csv" if "glob" in name else path
    lines = f'    [tool.flowrepro.flow.TrainFlow]\n    cwd = "."\n    include = ["../{named}"]\n'
    assert lines in advice


ABSOLUTE = {"duckdb-connect": "x.db", "fsspec-open": "x.csv", "imageio-imread": "x.png"}


@pytest.mark.parametrize("name", [*ABSOLUTE, "omegaconf-load"])
@pytest.mark.parametrize("place", ["flows", "."])
def test_an_absolute_path_in_a_copy_is_that_of_the_users_tree(
    at: Situation, texts: Mapping[str, str], name: str, place: str
) -> None:
    file = at.root / place / "data" / ABSOLUTE.get(name, "x.yaml")
    file.parent.mkdir()
    file.touch()
    text = texts[name].replace("/flows/data", f"{at.copies}/check/code/flows/data")
    advice = step_advice(text, at)
    assert advice is not None
    start = "" if place == "flows" else '    cwd = "."\n'
    shown = "" if place == "flows" else "../"
    assert f'TrainFlow]\n{start}    include = ["{shown}data/{file.name}"]\n' in advice


@pytest.mark.parametrize("name", ["open", "pandas csv", "numpy loadtxt", "pandas-read_parquet"])
def test_a_file_that_does_not_exist_is_reported_with_its_expected_path(
    at: Situation, texts: Mapping[str, str], name: str
) -> None:
    advice = step_advice(texts[name], at)
    assert advice is not None
    assert f"create {at.cwd}/data/x." in advice
    assert "include" not in advice


def test_a_path_that_polars_cuts_is_found_by_its_end(at: Situation) -> None:
    (at.cwd / "data").mkdir()
    (at.cwd / "data/x.csv").touch()
    text = (
        "FileNotFoundError: No such file or directory (os error 2): "
        f"...{str(at.copies)[-9:]}/check/code/flows/data/x.csv "
        "(set POLARS_VERBOSE=1 to see full path)\n"
    )
    advice = step_advice(text, at)
    assert advice is not None
    assert 'TrainFlow]\n    include = ["data/x.csv"]\n' in advice


def test_a_database_that_a_constant_of_the_flow_names(at: Situation) -> None:
    (at.root / "data").mkdir()
    (at.root / "data/shop.db").touch()
    at.flow.file.write_text('DB = "data/shop.db"\n', encoding="utf-8")
    advice = step_advice("sqlite3.OperationalError: unable to open database file", at)
    assert advice is not None
    assert 'TrainFlow]\n    cwd = "."\n    include = ["../data/shop.db"]\n' in advice


def test_the_only_database_of_a_project_is_the_one_that_sqlite_did_not_name(at: Situation) -> None:
    (at.cwd / "shop.sqlite").touch()
    advice = step_advice("sqlite3.OperationalError: no such table: sales\n", at)
    assert advice is not None
    assert 'include = ["shop.sqlite"]' in advice


def test_a_file_in_the_home_of_a_rerun(at: Situation) -> None:
    text = f"FileNotFoundError: [Errno 2] No such file: '{at.copies}/check/home/.shop/rates.csv'"
    advice = step_advice(text, at)
    assert advice is not None
    assert "a rerun has its own HOME" in advice


AWS = "    env = { AWS_ACCESS_KEY_ID = { pass = true }, AWS_SECRET_ACCESS_KEY = { pass = true } }\n"

LINES = [
    ("environ", '    env = { SHOP_TOKEN = "..." }    # or: SHOP_TOKEN = { pass = true }\n'),
    ("environ pop", '    env = { SHOP_TOKEN = "..." }'),
    ("environ del", '    env = { SHOP_TOKEN = "..." }'),
    ("decouple-config", '    env = { API_KEY = "..." }'),
    ("environs-str", '    env = { API_KEY = "..." }'),
    ("omegaconf-env", '    env = { API_KEY = "..." }'),
    ("pydantic-settings", '    env = { API_KEY = "...", DB_URL = "..." }'),
    ("openai-client", '    env = { OPENAI_API_KEY = "..." }'),
    ("metaflow-start-par-fn", '    env = { NOPE = "..." }'),
    ("metaflow-start-cfg-loader", '    env = { NOPE = "..." }'),
    ("metaflow-step-secrets", '    env = { METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE = "..." }'),
    ("metaflow-step-secrets2", '    env = { METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_REGION = "..." }'),
    ("metaflow-step-s3root", '    env = { METAFLOW_DATATOOLS_S3ROOT = "..." }'),
    ("aws", AWS),
    ("aws profile", AWS),
    ("aws region", '    env = { AWS_DEFAULT_REGION = "us-east-1" }\n'),
    ("google-cloud-storage", "    env = { GOOGLE_APPLICATION_CREDENTIALS = { pass = true } }\n"),
    ("huggingface_hub-whoami", "    env = { HF_TOKEN = { pass = true } }\n"),
    ("wandb-init", "    env = { WANDB_API_KEY = { pass = true } }\n"),
    ("requests", "keep it as a file of the project instead:\n\n    [tool.flowrepro.flow."),
    ("urllib", "    include = ["),
    ("socket", "    include = ["),
    ("aws endpoint", "    include = ["),
    ("httpx-get", "    include = ["),
    ("aiohttp-get", "    include = ["),
    ("psycopg2-connect", "    include = ["),
    ("certificate", "    env = { REQUESTS_CA_BUNDLE = { pass = true } }\n"),
    ("command", "install `no-such-command` in a folder on PATH, on this machine and on every"),
    ("shell", "install `no-such-command` in a folder on PATH"),
    ("graphviz-render", "install `dot` in a folder on PATH"),
    ("gitpython-import", "install `git` in a folder on PATH"),
    ("library", "install the system library libno-such.so.7"),
    ("module", "add the package that provides `no_such_module` to the flow's"),
    ("module", "[no_such_module]"),
    ("module alias", "[scikit-image]"),
    ("optional", "[odfpy]"),
    ("pandas-read_excel-odf", "[odfpy]"),
    ("pandas-parquet-engine", "[pyarrow]"),
    ("metadata", "[no-such-package]"),
    ("spacy-load", "[en_core_web_sm]"),
    ("name", "[requests==VERSION]"),
    ("attribute", "[requests==VERSION]"),
    ("relative", '    env = { PYTHONPATH = "FOLDER" }\n'),
    ("input", "    parameters = { NAME = ... }\n"),
    ("tkinter-Tk", '    env = { MPLBACKEND = "agg" }\n'),
    ("metaflow-step-flow-gone", '    after = ["IngestFlow"]\n'),
    ("metaflow-step-run-gone", "`Flow('IngestFlow').latest_run`"),
]


@pytest.mark.parametrize(("name", "lines"), LINES)
def test_what_a_step_lacks_comes_with_the_lines_to_add(
    at: Situation, texts: Mapping[str, str], name: str, lines: str
) -> None:
    advice = step_advice(texts[name], at)
    assert advice is not None
    assert lines in advice
    assert ("\n\n    [tool.flowrepro.flow.TrainFlow]\n" in advice) is (
        "    " in lines or "`F" in lines
    )


CONFIG = '    configs = { cfg = "FILE" }    # or a table, or a text: { value = "..." }\n'
SOME_CONFIG = '    configs = { CONFIG = "FILE" }'

STARTS = [
    ("cfg-missing", "cannot start without its config 'cfg': it has no value", CONFIG),
    ("cfg-empty", "its config 'cfg': its value is not valid JSON", CONFIG),
    ("cfg-bad-file", "its config 'cfg': its value is not valid JSON", CONFIG),
    ("cfg-none-expr", "its config 'c': it has no value", '    configs = { c = "FILE" }'),
    ("cfg-none-attr", "without a config: it has no value", SOME_CONFIG),
    ("cfg-lack-attr", "a config: its value has no `cpu`", "configs = { CONFIG = { cpu = ... } }"),
    ("cfg-type", "a config: its value is not a table", SOME_CONFIG),
    ("cfg-parser", "a config: its parser failed", SOME_CONFIG),
    ("cfg-parser-gone", "a config: its parser failed", SOME_CONFIG),
    ("cfg-parser-nomap", "a config: its parser failed", SOME_CONFIG),
    ("cfg-file", "The file for config 'cfg' of TrainFlow cannot", '    configs = { cfg = "FILE" }'),
    ("cfg-file-given", "The file for config 'cfg'", 'or, for a text: { value = "nope.json" }'),
    ("cfg-unknown", "takes no configs", "[metaflow>=2.13]"),
    ("cfg-unknown2", "has no config 'cfq'", "the flow has: cfg"),
    ("par-required", "its parameter par: it is required", "    parameters = { par = ... }\n"),
    ("inc-required", "its parameter inc: it is required", "    parameters = { inc = ... }\n"),
    ("par-type", "its parameter par: x is not a valid integer", "    parameters = { par = ... }\n"),
    ("par-type-given", "x is not a valid integer", "    parameters = { par = ... }\n"),
    ("par-json", "{ is not a valid JSON object", "    parameters = { par = ... }\n"),
    ("inc-missing", "could not open file 'nope.txt'", '    parameters = { inc = "FILE" }\n'),
    ("par-unknown", "has no parameter `par`", "correct `par` in tool.flowrepro.flow.TrainFlow.par"),
]


@pytest.mark.parametrize(("name", "what", "lines"), STARTS)
def test_what_a_flow_lacks_to_start_comes_with_the_lines_to_add(
    at: Situation, texts: Mapping[str, str], name: str, what: str, lines: str
) -> None:
    advice = advise(texts[f"metaflow-start-{name}"], replace(at, copies=None))
    assert advice is not None
    assert what in advice.what
    assert lines in advice.hint


@pytest.mark.parametrize("name", ["cfg-file", "inc-missing"])
def test_a_default_file_that_another_folder_has(
    at: Situation, texts: Mapping[str, str], name: str
) -> None:
    file = "nope.json" if name == "cfg-file" else "nope.txt"
    (at.root / file).touch()
    advice = advise(texts[f"metaflow-start-{name}"], replace(at, copies=None))
    assert advice is not None
    assert f'    cwd = "."\n    include = ["../{file}"]\n' in advice.hint


def test_every_text_is_in_a_table(texts: Mapping[str, str]) -> None:
    used = {name for name, *_ in (*FILES, *LINES)} | {*ABSOLUTE, "omegaconf-load"}
    used |= {f"metaflow-start-{name}" for name, *_ in STARTS}
    assert set(texts) - used == {"user key", "user sentence", "user module"}


@pytest.mark.parametrize("name", ["user key", "user sentence"])
def test_a_failure_of_the_flow_itself_is_not_advised_on(
    at: Situation, texts: Mapping[str, str], name: str
) -> None:
    assert step_advice(texts[name], at) is None


def test_the_users_own_command_line_in_a_step_is_not_metaflows() -> None:
    said = "Usage: tool [OPTIONS]\n\nError: No such option: --rows\n"
    assert find_lack(said) is not None
    assert find_lack(said, in_step=True) is None


def test_what_pytest_has_in_its_environment_is_passed_through(
    at: Situation, texts: Mapping[str, str]
) -> None:
    given = {"HTTPS_PROXY": "http://proxy", "AWS_ACCESS_KEY_ID": "x", "AWS_SESSION_TOKEN": "y"}
    given |= {"AWS_DEFAULT_REGION": "eu-west-1", "REQUESTS_CA_BUNDLE": "/ca.pem"}
    at = replace(at, environ=given)
    for name, line in (
        ("requests", "env = { HTTPS_PROXY = { pass = true } }"),
        ("certificate", "env = { REQUESTS_CA_BUNDLE = { pass = true } }"),
        ("aws region", 'env = { AWS_DEFAULT_REGION = "eu-west-1" }'),
        ("aws", "env = { AWS_ACCESS_KEY_ID = { pass = true }, AWS_SESSION_TOKEN = { pass = true }"),
    ):
        advice = step_advice(texts[name], at)
        assert advice is not None
        assert line in advice
        assert "http://proxy" not in advice


def test_a_module_of_the_project_comes_with_its_lines(at: Situation) -> None:
    (at.root / "lib").mkdir()
    (at.root / "lib/units.py").touch()
    text = "ModuleNotFoundError: No module named 'units'\n"
    advice = advise(text, at)
    assert advice is not None
    assert '    [tool.flowrepro.flow.TrainFlow]\n    include = ["../lib"]\n' in advice.hint
    advice = advise(text, replace(at, copies=None))  # in the user's own tree
    assert advice is not None
    assert '    env = { PYTHONPATH = "../lib" }\n    include = ["../lib"]\n' in advice.hint


def test_a_name_that_the_flows_own_module_lacks_is_its_own_matter(at: Situation) -> None:
    (at.cwd / "units.py").touch()
    text = "ImportError: cannot import name 'mile' from 'units' (/flows/units.py)\n"
    assert step_advice(text, at) is None


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("    Object not in namespace 'production:x'\n", "`namespace(None)`"),
        ("    @timeout: Step train timed out\n", "the step's own @timeout"),
        ("    Foreach iterator over *rows* in step x produced zero splits.\n", "`rows` is empty"),
    ],
)
def test_other_ways_out(at: Situation, text: str, advice: str) -> None:
    assert advice in (step_advice(text, at) or "")


def test_a_flow_whose_run_is_missing_is_to_run_before(
    at: Situation, texts: Mapping[str, str]
) -> None:
    advice = step_advice(texts["metaflow-step-flow-gone"], at) or ""
    assert advice.startswith("let IngestFlow run before it: ")


def test_a_run_that_is_read_while_the_flow_is_loaded(at: Situation) -> None:
    advice = advise("Flow('A') does not exist", replace(at, copies=None))
    assert advice is not None
    assert advice.what == "reads A while it is loaded"
    assert advice.hint.startswith("read it in a step")


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("counted\n", "SIGKILL"),
        ("Traceback (most recent call last):\nMemoryError: Unable to allocate 8 GiB\n", None),
        ("MemoryError\n", None),
    ],
)
def test_a_flow_that_ran_out_of_memory_gets_ways_to_need_less(
    at: Situation, text: str, signal: str | None
) -> None:
    advice = step_advice(text, at, signal=signal)
    assert advice is not None
    assert "`max-workers = 1`" in advice
