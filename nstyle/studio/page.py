"""The page: Gradio's layout, theme and controls around the pictures, which are drawn by web/."""

from __future__ import annotations

import dataclasses
import json
from importlib import resources
from typing import Any

import gradio as gr
from starlette.responses import Response

from nstyle.options.parse import flag
from nstyle.options.presets_table import PRESETS
from nstyle.studio import requests
from nstyle.studio.options import Settings

FONTS = ("system-ui", "-apple-system", "Segoe UI", "sans-serif")  # no file is asked for
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "monospace")
COLOURS = {
    "body_background_fill": "#fbfaf8", "body_background_fill_dark": "#161618",
    "slider_color": "#2f5d8a", "slider_color_dark": "#7aa8d8", "color_accent": "#2f5d8a",
}  # fmt: skip
EDGES = (256, 512, 768, 1024, 2048)
WHOSE = {"painting": "style", "photo": "content", "matched": "match"}
QUALITY = ("quick", "normal", "fine")
# Chosen by the controls in view, each under its own name.
IN_VIEW = ("content_weight", "colors", "max_long_edge")
KINDS = {".js": "text/javascript", ".css": "text/css"}
SCRIPTS = ("page.js", "api.js", "choosing.js", "stage.js", "history.js", "orders.js", "live.js")
SERVED = ("page.css", *SCRIPTS)
# Keeps what Gradio says before the script of the page has come.
HEAD = """
<meta name="viewport" content="width=device-width, initial-scale=1">
<script>window.studio = {controls(names, values) { this.early = [names, values]; }};</script>
<link rel="stylesheet" href="/studio/page.css">
<script type="module" src="/studio/page.js"></script>
"""


def mount(app: Any, settings: Settings) -> None:
    """Put the page at / of a FastAPI application, its scripts under /studio/."""
    for name in SERVED:
        app.add_route(f"/studio/{name}", static(name), methods=["GET"])
    gr.mount_gradio_app(
        app,
        blocks(settings),
        path="/",
        footer_links=[],
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        theme=gr.themes.Base(neutral_hue="stone", font=FONTS, font_mono=MONO).set(**COLOURS),
        head=HEAD,
    )


def asset(name: str) -> str:
    """The text of a file in web/."""
    return (resources.files("nstyle.studio") / "web" / name).read_text("utf-8")


def static(name: str) -> Any:
    """An endpoint that gives a file of web/."""
    kind, text = KINDS[name[name.rindex(".") :]], asset(name)
    if name == "page.css":  # the slider is the report's
        report = resources.files("nstyle.optimize.callbacks.report")
        text += (report / "compare.css").read_text("utf-8")

    async def endpoint(request: Any) -> Response:
        return Response(text, media_type=kind, headers={"Cache-Control": "no-cache"})

    return endpoint


def blocks(settings: Settings) -> Any:
    """The page."""
    with gr.Blocks(title="nstyle studio", analytics_enabled=False) as page:
        gr.HTML(asset("header.html"), apply_default_css=False, elem_id="top")
        with gr.Row(elem_id="studio"):
            with gr.Column(elem_id="sources-area"):
                gr.HTML(asset("sources.html"), apply_default_css=False)
            with gr.Column(elem_id="stage-area"):
                gr.HTML(asset("stage.html") + asset("live.html"), apply_default_css=False)
            with gr.Column(elem_id="controls-area"):
                named, paint = controls(settings)
        gr.HTML(asset("history.html"), apply_default_css=False, elem_id="history-area")
        everything = list(named.values())
        tell = f"(...values) => window.studio.controls({json.dumps(list(named))}, values)"
        # Changes are told late; what is painted is what the controls say at that moment.
        begin = f"(...values) => {{ ({tell})(...values); window.studio.paint(); }}"
        paint.click(fn=None, inputs=everything, js=begin, api_visibility="private")
        hear = [control.change for control in everything]
        gr.on(hear, fn=None, inputs=everything, js=tell, api_visibility="private")
        page.load(fn=None, inputs=everything, js=tell, api_visibility="private")
    return page


def controls(settings: Settings) -> tuple[dict[str, Any], Any]:
    """(name -> control, the button Paint): those in view, the buttons, the rest folded away."""
    edges = [edge for edge in EDGES if edge <= settings.max_long_edge] or [settings.max_long_edge]
    named = {
        "strength": gr.Slider(
            0, 100, 50, step=5, label="How much style", elem_id="strength",
            info="a trained network gives all it has from the middle on",
        ),
        "colors": gr.Radio(
            list(WHOSE.items()), value="style", label="Colours from", elem_id="colors"
        ),
        "max_long_edge": gr.Radio(
            [(f"{edge}", edge) for edge in edges], value=min(512, edges[-1]), elem_id="size",
            label="Size in pixels",
        ),
        "quality": gr.Radio(QUALITY, value="normal", label="Quality", elem_id="quality"),
    }  # fmt: skip
    with gr.Row(elem_id="buttons"):
        paint = gr.Button("Paint", variant="primary", elem_id="paint")
        stop = gr.Button("Stop", elem_id="stop")
    stop.click(fn=None, js="() => window.studio.stop()", api_visibility="private")
    with gr.Accordion("All options", open=False, elem_id="all-options"):
        gr.HTML('<p class="soft">As on the command line; what is left as it is, is not sent.</p>')
        named["preset"] = gr.Dropdown(
            [("none", ""), *((name, name) for name in PRESETS)], value="", label="--preset",
            info="a known recipe",
        )  # fmt: skip
        rest = [entry for entry in requests.offered() if entry.name not in IN_VIEW]
        for entry in rest:
            if not by_set(entry):
                named[f"option:{entry.name}"] = control(entry)
        with gr.Accordion("Fields without a flag", open=False):
            for entry in filter(by_set, rest):
                named[f"option:{entry.name}"] = control(entry)
    return named, paint


def by_set(entry: dataclasses.Field[Any]) -> bool:
    """Whether a field has no flag of its own."""
    return entry.metadata["flags"] == ()


def control(entry: dataclasses.Field[Any]) -> Any:
    """The control for a field of Options, under the command line's name; empty = its default."""
    facts = entry.metadata
    label = f"--set {entry.name}" if by_set(entry) else flag(entry.name)
    default = "" if entry.default is None else str(entry.default).lower()
    choices = ("true", "false") if facts["kind"] is bool else facts["choices"]
    if choices:
        usual = (f"default: {default}", "")
        offered = [usual, *((choice, choice) for choice in choices if choice != default)]
        return gr.Dropdown(offered, value="", label=label, info=facts["help"])
    return gr.Textbox("", label=label, info=facts["help"], placeholder=default, max_lines=1)
