from __future__ import annotations

import os
from pathlib import Path

import pytest

from afterbay.functions.definition import FunctionDefinition
from afterbay.functions.runtimes import Language, Node, language_of, launch_arguments, python_here, runtime_variables

NODE = Node(Path("/n/node"), 20)
LIBRARIES = Path("/libraries")


def definition(runtime: str, folder: Path = Path("/code"), **more) -> FunctionDefinition:
    return FunctionDefinition(
        name="f", arn="a", region="r", runtime=runtime, handler="app.handler", code=folder, memory_mb=256, **more
    )


@pytest.mark.parametrize(
    "runtime, language",
    [
        ("python3.9", Language.PYTHON),
        ("python3.14", Language.PYTHON),
        ("nodejs20.x", Language.NODE),
        ("provided", Language.EXECUTABLE),
        ("provided.al2023", Language.EXECUTABLE),
        ("python2.7", None),
        ("nodejs", None),
        ("java21", None),
        ("dotnet8", None),
        ("go1.x", None),
        ("ruby3.3", None),
    ],
)
def test_a_runtime_has_one_language_or_is_not_run(runtime: str, language: Language | None) -> None:
    assert language_of(runtime) is language


def test_the_path_of_python_is_code_then_packages_then_layers() -> None:
    function = definition("python3.9", packages=Path("/packages"), layers=Path("/opt"))
    way, memory, libraries, handler, *folders = launch_arguments(function, "bootstrap", LIBRARIES, None)
    assert (way, memory, libraries, handler) == ("bootstrap", "256", "/libraries", "app.handler")
    assert folders == [
        "/code",
        "/packages",
        f"/opt/python/lib/{python_here()}/site-packages",
        "/opt/python",
        "/opt/python/lib/python3.9/site-packages",
    ]
    same = definition(python_here(), layers=Path("/opt"))
    assert len(launch_arguments(same, "bootstrap", LIBRARIES, None)) == 4 + 3


@pytest.mark.parametrize(
    "options, bound", [("", True), ("--enable-source-maps", True), ("--max_old_space_size=64", False)]
)
def test_the_heap_of_node_is_bounded_by_memory_unless_the_author_did(options: str, *, bound: bool) -> None:
    function = definition("nodejs20.x", variables={"NODE_OPTIONS": options})
    arguments = launch_arguments(function, "bootstrap", LIBRARIES, NODE)
    assert arguments[:2] == ("program", "/n/node") and arguments[-1] == "app.handler"
    assert ("--max-old-space-size=256" in arguments) is bound


def test_an_executable_is_the_codes_else_a_layers(tmp_path: Path) -> None:
    code, layers = tmp_path / "code", tmp_path / "opt"
    for folder in (code, layers):
        folder.mkdir()
    function = definition("provided.al2023", code, layers=layers)
    assert launch_arguments(function, "bootstrap", LIBRARIES, None) == ("program", str(code / "bootstrap"))
    (layers / "bootstrap").touch()
    assert launch_arguments(function, "bootstrap", LIBRARIES, None) == ("program", str(layers / "bootstrap"))
    (code / "bootstrap").touch()
    assert launch_arguments(function, "bootstrap", LIBRARIES, None) == ("program", str(code / "bootstrap"))


def test_variables_point_at_layers(tmp_path: Path) -> None:
    layers = tmp_path / "opt"
    (layers / "lib").mkdir(parents=True)
    plain = runtime_variables(definition("nodejs20.x"), path="/bin")
    assert plain == {"PATH": "/bin", "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x"}
    layered = runtime_variables(definition("nodejs20.x", layers=layers), path="/bin")
    assert layered["PATH"] == f"{layers}/bin{os.pathsep}/bin" and layered["LD_LIBRARY_PATH"] == f"{layers}/lib"
    assert layered["NODE_PATH"].split(os.pathsep) == [
        f"{layers}/nodejs/node20/node_modules",
        f"{layers}/nodejs/node_modules",
        "/code",
    ]
    assert "AWS_EXECUTION_ENV" not in runtime_variables(definition("provided.al2023"), path="/bin")
