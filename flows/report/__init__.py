"""The morning report: what a night made, what it cost, what became of the model, and what needs a person. One HTML file.

`gather` asks the lake, `attention` says what needs a person, `charts` draws, `page` renders, `write` keeps the file.
"""

from flows.report.gather import gather
from flows.report.page import render
from flows.report.write import keep_report, report_path, reported, write_report

__all__ = ["gather", "keep_report", "render", "report_path", "reported", "write_report"]
