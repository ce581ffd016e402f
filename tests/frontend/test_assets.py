"""What templates, style sheets and scripts may hold: the strict policy, and nothing fetched from afar."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
VENDOR = STATIC / "vendor"
# Mails carry their styles inline: mail programs know nothing else. They are never served as pages.
MAIL = re.compile(r"(^|[/_])e?mails?([/_.]|$)|_message\.html$")
PAGES = sorted(path for path in (ROOT / "templates").rglob("*.html") if not MAIL.search(str(path.relative_to(ROOT))))
STYLES = sorted((STATIC / "css").rglob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_template_has_no_inline_script_or_style(page: Path) -> None:
    text = page.read_text()
    scripts = [
        tag for tag in re.findall(r"<script\b[^>]*>", text) if "src=" not in tag and "application/json" not in tag
    ]
    assert scripts == []
    assert re.findall(r"<style\b", text) == []
    assert re.findall(r"\sstyle\s*=", text) == []
    assert re.findall(r"\son[a-z]+\s*=\s*[\"']", text) == []
    assert re.findall(r"javascript:|\bhx-on\b|\bjs:", text) == []


@pytest.mark.parametrize("path", [*PAGES, *STYLES, *SCRIPTS], ids=named)
def test_nothing_is_fetched_from_another_host(path: Path) -> None:
    fetched = re.findall(r"(?:src|href|url\(|import|fetch\()\s*=?\s*[\"'(]*(?:https?:)?//[^\"')\s]+", path.read_text())
    assert fetched == []


@pytest.mark.parametrize("script", SCRIPTS, ids=named)
def test_a_script_never_makes_code_or_markup_from_text(script: Path) -> None:
    assert (
        re.findall(
            r"\beval\(|new Function|innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write", script.read_text()
        )
        == []
    )


@pytest.mark.parametrize("folder", sorted(path for path in VENDOR.iterdir() if path.is_dir()), ids=named)
def test_a_vendored_package_has_its_licence_and_its_version(folder: Path) -> None:
    assert (folder / "LICENSE").stat().st_size > 500
    assert re.search(r"\d+\.\d+\.\d+", (folder / "README.md").read_text())


def test_the_note_on_the_chart_library_names_the_version_that_is_there() -> None:
    (version,) = re.findall(rb"v(\d+\.\d+\.\d+)", (VENDOR / "plotly" / "plotly-basic.min.js").read_bytes()[:200])
    assert version.decode() in (VENDOR / "plotly" / "README.md").read_text()


def test_vendored_files_lie_in_a_folder_of_their_package() -> None:
    assert [path.name for path in VENDOR.iterdir() if path.is_file()] == []


def test_the_font_has_its_licence() -> None:
    assert "SIL OPEN FONT LICENSE" in (STATIC / "fonts" / "OFL.txt").read_text().upper()


def test_every_style_sheet_is_in_one_of_the_declared_layers() -> None:
    app = (STATIC / "css" / "app.css").read_text()
    (order,) = re.findall(r"@layer ([^;]+);", app)
    imported = dict(re.findall(r'@import url\("([^"]+)"\) layer\((\w+)\);', app))
    on_disk = {str(path.relative_to(STATIC / "css")) for path in STYLES} - {"app.css"}
    assert set(imported) == on_disk
    assert set(imported.values()) <= {layer.strip() for layer in order.split(",")}


def test_every_reference_between_static_files_resolves(tmp_path: Path) -> None:
    storages = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    with override_settings(STORAGES=storages, STATIC_ROOT=tmp_path):
        call_command("collectstatic", interactive=False, verbosity=0)
    (app,) = tmp_path.glob("css/app.*.css")
    assert not re.search(r'url\("[\w/]+\.css"\)', app.read_text())


def test_the_policy_of_the_settings_is_the_strict_one() -> None:
    empty_text = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    policy = {name: [str(source) for source in sources] for name, sources in settings.SECURE_CSP.items()}
    assert policy["script-src"] == ["'self'"]
    assert set(policy["style-src"]) <= {"'self'", empty_text}
    assert "'unsafe-inline'" not in str(policy)
    assert "'unsafe-eval'" not in str(policy)
