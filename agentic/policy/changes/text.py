"""Text for people: does it speak to an agent or a reviewer, or hold what a browser would run?"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from agentic.policy.changes.paths import unsafe

_ADDRESS = (
    r"(?:ais?|llms?|(?:ai|coding|review|data|dbt) (?:agents?|bots?|assistants?|"
    r"reviewers?)|language models?|assistants?|copilot|claude|gpt|chatgpt|reviewers?|"
    r"approvers?|agentic)"
)
INJECTION = re.compile(
    "|".join(
        (
            r"\b(?:ignore|disregard|forget|override|bypass|skip)\b.{0,40}\b(?:previous|"
            r"prior|above|earlier|all|any|your|the|these|policy|policies|guardrails?)"
            r"\b.{0,30}\b(?:instructions?|prompts?|rules?|polic(?:y|ies)|guardrails?|"
            r"checks?|review|context|constraints?)\b",
            rf"\b(?:dear|attention|note (?:to|for)|hey|hello|instructions? (?:to|for)|"
            rf"message (?:to|for)) (?:the |any |all |every )?{_ADDRESS}\b\s*[:,!—-]",
            rf"\b{_ADDRESS}\b\s*(?::|,)?\s*(?:please |must |should |shall |you |can )+\s*"
            rf"(?:approve|merge|allow|ignore|run|execute|grant|skip|accept|drop|delete|disable|mark|"
            rf"set|add|remove|edit|use|call|send|reveal|print|treat|do not|not)\b",
            rf"\b(?:{_ADDRESS[3:-1]}|agents?)\s*[:,]?\s*(?:please |must |should |can |"
            rf"may |to )*(?:approve|merge|ignore|skip|bypass|disregard|allow|trust|accept)"
            rf"\b",
            r"\b(?:system|assistant|developer)\s*(?:prompt|message|instruction|note|override)s?\b",
            r"\b(?:system|assistant|developer)\s*:\s*(?:you|please|ignore|approve|always|"
            r"never|the user|allow|grant|this)\b",
            r"(?:^|\n)\s*(?:--|#|/\*|\{#|-|\*)?\s*(?:system|assistant|human|user)\s*:\s*\S",
            r"<\|?(?:im_start|im_end|system|assistant|endoftext)\|?>|\[/?INST\]|</?(?:system|"
            r"instructions?|tool_result|tool_use|function_calls?)>",
            r"\b(?:pre-?approved|already (?:been )?(?:approved|reviewed|signed off)|"
            r"signed[ -]off by|sign-off from|"
            r"approval (?:was |has been )?(?:granted|given|obtained)|"
            r"(?:has|have) approved (?:this|the|it)|lgtm)\b",
            r"\b(?:approved|reviewed|cleared|authori[sz]ed)[ -]by:?\s+(?:[\w.]+,? ){0,4}"
            r"(?:security|governance|legal|compliance|lead|head|owner|admin\w*|cto|cdo|ceo|manager|"
            r"reviewers?|team|person|human|maintainers?|@\w+)\b",
            r"\b(?:this|the)\s+(?:change|pr|pull request|edit|patch|commit|diff|migration|"
            r"proposal|modification)\b.{0,60}\b(?:approved|reviewed|signed off|cleared|"
            r"authori[sz]ed|safe to merge)\b",
            r"\b(?:auto-?(?:approve|merge)|approve (?:this|the|it|all|without|automatically|"
            r"any|every)|merge (?:this|without|automatically|immediately)|no (?:need (?:for|"
            r"to)|further) (?:a )?(?:human )?(?:review|approv)\w*|(?:skip|without|needs? no|"
            r"requires? no|does not (?:need|require)) (?:a |any |the |human |code )*(?:review|"
            r"approval))\b",
            r"\b(?:do not|don't|never) (?:flag|report|review|mention|tell|reject|block|escalate)\b",
            r"\b(?:you are (?:now )?(?:an?|the) (?:\w+ ){0,2}(?:ai|assistants?|agents?|"
            r"models?|reviewers?|admins?|approvers?|bots?)\b|act as (?:an?|the) (?:\w+ )"
            r"{0,2}(?:ai|assistants?|agents?|models?|reviewers?|admins?|approvers?|bots?)"
            r"\b|from now on you|new instructions?|your (?:new )?(?:task|instructions?|"
            r"role) (?:is|are))",
            r"\b(?:reveal|print|output|send|leak|exfiltrate|post) (?:the |your |all )"
            r"*(?:system prompt|secrets?|credentials?|api keys?|environment|tokens?|passwords?)"
            r"\b",
            r"<\s*(?:script|iframe|object|embed|form|meta|base)\b|\bjavascript:|\bvbscript:|"
            r"\bon(?:error|load|click|mouseover|focus)\s*=|data:text/html",
        )
    ),
    re.IGNORECASE | re.DOTALL,
)

COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/|\{#.*?#\}|#[^\n]*", re.DOTALL)


class Said(msgspec.Struct, frozen=True):
    """One passage that is not plain documentation."""

    line: int
    text: str


def injections(text: str) -> Iterator[Said]:
    """Passages that instruct agents or reviewers, claim approval, or hold scripts."""
    for found in INJECTION.finditer(text):
        yield Said(text.count("\n", 0, found.start()) + 1, " ".join(found.group().split())[:120])


def invisible(text: str) -> Iterator[tuple[int, str]]:
    """(line, character name) of every character that changes how text reads without being seen."""
    for number, line in enumerate(text.split("\n"), 1):
        for place, character in enumerate(line):
            if character == "\u200d" and place and ord(line[place - 1]) > 0x2000:
                continue  # joins two emoji
            if character not in "\t\r\f" and unsafe(character):
                yield number, f"U+{ord(character):04X}"
                break
