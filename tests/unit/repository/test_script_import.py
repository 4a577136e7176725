"""Which files a script's imports mean: endings, `index`, packages of the repository, aliases of its compilers."""

from pathlib import Path

import pytest

from coordination.repository.script_import import ScriptImports
from coordination.repository.script_settings import ScriptSettings

FILES = {
    "package.json": '{"name": "root", "workspaces": ["packages/*"]}',
    "tsconfig.base.json": '{"compilerOptions": {"baseUrl": ".", "paths": {"@lib/*": ["packages/lib/src/*"]}}}',
    "app/tsconfig.json": """{
        // comments and "strings // with slashes" are told apart
        "extends": "../tsconfig.base", /* and a comma too many: */
        "compilerOptions": {"strict": true,},
    }""",
    "packages/lib/package.json": '{"name": "@team/lib", "exports": {".": {"import": "./dist/index.js"}}}',
    "packages/old/package.json": '{"name": "old", "main": "./lib/entry"}',
    "packages/broken/package.json": "{nothing",
    "packages/wrong/package.json": '{"name": 3, "main": ["x"]}',
    "other/jsconfig.json": '{"compilerOptions": {"paths": {"~/*": ["./code/*", 7], "exact": ["./code/one.js"]}}}',
    "loop/tsconfig.json": '{"extends": "./tsconfig.json", "compilerOptions": {"paths": []}}',
    "outside/tsconfig.json": '{"extends": "../../../../etc/passwd", "compilerOptions": {"baseUrl": "../.."}}',
}
SOURCES = (
    *(
        "app/main.ts",
        "app/view.tsx",
        "app/parts/index.ts",
        "app/parts/one.js",
        "app/data.json",
        "app/types.d.ts",
    ),
    *("packages/lib/src/index.ts", "packages/lib/src/deep/x.ts", "packages/old/lib/entry.js", "index.js"),
    *("other/code/one.js", "other/main.js", "loop/a.ts", "outside/a.ts", "app/mod.mts", "app/style.css"),
)


@pytest.fixture(scope="module")
def imports(tmp_path_factory: pytest.TempPathFactory) -> ScriptImports:
    top = tmp_path_factory.mktemp("top")
    for path, text in FILES.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text, encoding="utf-8")
    paths = [*FILES, *SOURCES]
    return ScriptImports(paths, ScriptSettings(Path(top), paths))


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("app/main.ts", "./view", "app/view.tsx"),
        ("app/main.ts", "./view.tsx", "app/view.tsx"),
        ("app/main.ts", "./parts", "app/parts/index.ts"),
        ("app/main.ts", "./parts/", "app/parts/index.ts"),
        ("app/parts/one.js", ".", "app/parts/index.ts"),
        ("app/parts/one.js", "..", None),
        ("app/main.ts", "./parts/one", "app/parts/one.js"),
        ("app/main.ts", "./main.js", "app/main.ts"),
        ("app/main.ts", "./mod.mjs", "app/mod.mts"),
        ("app/main.ts", "./types", "app/types.d.ts"),
        ("app/main.ts", "./data.json", "app/data.json"),
        ("app/main.ts", "./style.css?inline", "app/style.css"),
        ("app/main.ts", "../index", "index.js"),
        ("app/main.ts", "..", "index.js"),
        ("app/main.ts", "../../index", None),
        ("app/main.ts", "./missing", None),
        ("app/main.ts", "react", None),
        ("app/main.ts", "@lib/deep/x", "packages/lib/src/deep/x.ts"),
        ("app/main.ts", "app/view", "app/view.tsx"),
        ("other/main.js", "app/view", None),
        ("other/main.js", "~/one", "other/code/one.js"),
        ("other/main.js", "exact", "other/code/one.js"),
        ("other/main.js", "@team/lib", "packages/lib/src/index.ts"),
        ("other/main.js", "@team/lib/deep/x", "packages/lib/src/deep/x.ts"),
        ("other/main.js", "@team", None),
        ("other/main.js", "old", "packages/old/lib/entry.js"),
        ("loop/a.ts", "react", None),
        ("outside/a.ts", "index", None),
        ("outside/a.ts", "", None),
        ("outside/a.ts", "/etc/passwd", None),
    ],
)
def test_an_import_means_the_file_that_the_settings_lead_to(
    imports: ScriptImports, path: str, text: str, found: str | None
) -> None:
    assert list(imports.resolve(path, [text])) == ([] if found is None else [found])
