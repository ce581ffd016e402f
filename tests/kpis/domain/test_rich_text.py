"""What people wrote, as HTML: a short list of Markdown, and nothing that runs, loads or styles."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpis.domain.rich_text import to_html

ALLOWED = {"p", "br", "strong", "em", "s", "a", "ul", "ol", "li", "blockquote", "code", "pre", "b"}
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<style>*{display:none}</style>",
    '<a href="javascript:alert(1)">x</a>',
    "<iframe src=//evil.example>",
    "<!-- --><script>",
    "</p></div><script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](%6aavascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](/kpis/OTD/)",
    "[]()",
    "[x]()",
    "[**x**]( 'title')",
    "[x](https:\\\\evil.example)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "![x](https://evil.example/pixel.png)",
    "![x](javascript:alert(1))",
    '[x](https://example.com "a\\" onmouseover=\\"alert(1)")',
    '[x](https://example.com"onmouseover="alert(1))',
    "[x](https://example.com/<script>)",
    "```<script>\nalert(1)\n```",
    "```js onload=alert(1)\nx\n```",
    "`<script>`",
    "# <b>big</b>",
    "| <script> |\n|---|\n| x |",
    "\u202egnp.exe [x](https://example.com)",
    "[\u0000x](https://example.com/\u0000)",
    "[a[b](https://example.com)](javascript:alert(1))",
    "> - > **[x](javascript:alert(1))**",
    "@<script>",
]


class Markup(HTMLParser):
    """The tags of some HTML and their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.declared: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.declared.append(data)

    def handle_decl(self, decl: str) -> None:
        self.declared.append(decl)


def harm_in(html: str) -> list[str]:
    """Return what stands in the HTML that is not on the list."""
    markup = Markup(html)
    harm = list(markup.declared)
    for tag, attributes in markup.tags:
        if tag not in ALLOWED:
            harm.append(tag)
        elif tag == "a":
            href = attributes.get("href") or ""
            if set(attributes) != {"href", "rel"} or attributes["rel"] != "noopener nofollow":
                harm.append(f"a {attributes}")
            if not href.lower().startswith(("http://", "https://", "mailto:")):
                harm.append(href)
        elif attributes not in ({}, {"class": "mention"}, {"start": attributes.get("start")}):
            harm.append(f"{tag} {attributes}")
    return harm


def test_a_link_without_an_address_stays_as_it_was_typed() -> None:
    assert to_html("[]() and [x]() and [y](https://example.com)") == (
        '<p>[]() and [x]() and <a href="https://example.com" rel="noopener nofollow">y</a></p>'
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    assert harm_in(to_html(text)) == []


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from([*HOSTILE, "**", "\n\n", "> ", "- ", "`", "[", "](", ")"])).map("".join)
)
@settings(max_examples=300, deadline=None)
def test_no_text_becomes_anything_that_is_not_on_the_list(text: str) -> None:
    assert harm_in(to_html(text, ["Ana Kovač"])) == []


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "<p>plain</p>"),
        ("two\nlines", "<p>two<br>\nlines</p>"),
        ("two\n\nparagraphs", "<p>two</p>\n<p>paragraphs</p>"),
        ("**bold** and *slanted*", "<p><strong>bold</strong> and <em>slanted</em></p>"),
        ("~~gone~~ `code`", "<p><s>gone</s> <code>code</code></p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>'),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>"),
        ("```py\na < b\n```", "<pre><code>a &lt; b\n</code></pre>"),
        ("[x](https://example.com)", '<p><a href="https://example.com" rel="noopener nofollow">x</a></p>'),
        (
            "<mailto:ana@example.com>",
            '<p><a href="mailto:ana@example.com" rel="noopener nofollow">mailto:ana@example.com</a></p>',
        ),
        ("# no heading", "<p># no heading</p>"),
        ("<b>as typed</b>", "<p>&lt;b&gt;as typed&lt;/b&gt;</p>"),
        ("71.2 % < 80 & falling", "<p>71.2 % &lt; 80 &amp; falling</p>"),
        ("", ""),
    ],
)
def test_a_short_list_of_markdown_is_read(text: str, html: str) -> None:
    assert to_html(text) == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("ask @Ana Kovač.", '<p>ask <b class="mention">@Ana Kovač</b>.</p>'),
        ("ask @Ana Kovačević", "<p>ask @Ana Kovačević</p>"),
        ("ask @Noah Fields", "<p>ask @Noah Fields</p>"),
        ("`@Ana Kovač`", "<p><code>@Ana Kovač</code></p>"),
        ("**@Ana Kovač**", '<p><strong><b class="mention">@Ana Kovač</b></strong></p>'),
    ],
)
def test_only_those_who_were_told_are_marked(text: str, html: str) -> None:
    assert to_html(text, ["Ana Kovač"]) == html


@pytest.mark.parametrize("text", ["*" * 50_000, "[" * 50_000, ">" * 50_000, "`" * 50_000, "- " * 25_000, "![[" * 9_000])
def test_huge_input_ends_soon(text: str) -> None:
    started = time.perf_counter()
    assert harm_in(to_html(text)) == []
    assert time.perf_counter() - started < 5
