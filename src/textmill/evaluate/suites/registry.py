"""All suites by name."""

from textmill.evaluate.items import ANSWER, CHOICE, CLOZE, CODE
from textmill.evaluate.suites import choosing, knowing, writing
from textmill.evaluate.suites.core import CORE, core_suites
from textmill.evaluate.suites.suite import EXACT, NORMALISED, Shots, Suite

OWN = (
    Suite(
        name="hellaswag",
        kind=CHOICE,
        read=choosing.hellaswag,
        files=("hellaswag*val*", "hellaswag*"),
        hub="hf:Rowan/hellaswag/validation",
        metric=NORMALISED,
        rule="{activity}: {context}⎵{ending}",
    ),
    Suite(
        name="piqa",
        kind=CHOICE,
        read=choosing.piqa,
        files=("piqa*val*", "piqa*"),
        hub="hf:baber/piqa/validation",
        metric=NORMALISED,
        rule="Question: {goal}⏎Answer:⎵{solution}",
    ),
    Suite(
        name="arc_easy",
        kind=CHOICE,
        read=choosing.arc,
        files=("arc_easy*test*", "ARC-Easy*test*", "arc_easy*", "ARC-Easy*"),
        hub="hf:allenai/ai2_arc:ARC-Easy/test",
        metric=NORMALISED,
        rule="Question: {question}⏎Answer:⎵{choice}",
    ),
    Suite(
        name="arc_challenge",
        kind=CHOICE,
        read=choosing.arc,
        files=("arc_challenge*test*", "ARC-Challenge*test*", "arc_challenge*", "ARC-Challenge*"),
        hub="hf:allenai/ai2_arc:ARC-Challenge/test",
        metric=NORMALISED,
        rule="Question: {question}⏎Answer:⎵{choice}",
    ),
    Suite(
        name="winogrande",
        kind=CHOICE,
        read=choosing.winogrande,
        files=("winogrande*val*", "winogrande*dev*", "winogrande*"),
        hub="hf:allenai/winogrande:winogrande_xl/validation",
        rule="{sentence with either name up to the gap}⎵{rest of the sentence}",
    ),
    Suite(
        name="lambada",
        kind=CLOZE,
        read=writing.lambada,
        files=("lambada*test*", "lambada*"),
        hub="hf:EleutherAI/lambada_openai:default/test",
        rule="{passage}⎵{last word}",
    ),
    Suite(
        name="blimp",
        kind=CHOICE,
        read=choosing.blimp,
        files=("blimp*",),
        hub="hf:nyu-mll/blimp",
        rule="{sentence}",
        by_group=True,
    ),
    Suite(
        name="mmlu",
        kind=CHOICE,
        read=knowing.mmlu,
        files=("mmlu*test*", "mmlu*"),
        hub="hf:cais/mmlu/all/test-*",
        shots=Shots(count=5, drawn="first", files=("mmlu*dev*",), hub="hf:cais/mmlu/all/dev-*"),
        opening=knowing.about,
        rule="{question}⏎A. {a}⏎B. {b}⏎C. {c}⏎D. {d}⏎Answer:⎵{letter}",
    ),
    Suite(
        name="ceval",
        kind=CHOICE,
        read=knowing.ceval,
        files=("ceval*val*", "ceval*"),
        hub="hf:ceval/ceval-exam/*/val-*",
        shots=Shots(count=5, drawn="first", files=("ceval*dev*",), hub="hf:ceval/ceval-exam/*/dev-*"),
        opening=knowing.about_ceval,
        language="zh",
        rule="{question}⏎A. {a}⏎B. {b}⏎C. {c}⏎D. {d}⏎答案：⎵{letter}",  # text data
    ),
    Suite(
        name="cmmlu",
        kind=CHOICE,
        read=knowing.cmmlu,
        files=("cmmlu*test*", "cmmlu*"),
        hub="hf:haonan-li/cmmlu/cmmlu_v1_0_1.zip",
        shots=Shots(count=5, drawn="first", files=("cmmlu*dev*",)),
        opening=knowing.about_cmmlu,
        language="zh",
        rule="{question}⏎A. {a}⏎B. {b}⏎C. {c}⏎D. {d}⏎答案：⎵{letter}",  # text data
    ),
    Suite(
        name="gsm8k",
        kind=ANSWER,
        read=writing.gsm8k,
        files=("gsm8k*test*", "gsm8k*"),
        hub="hf:openai/gsm8k:main/test",
        metric=EXACT,
        shots=Shots(count=5, files=("gsm8k*train*",), hub="hf:openai/gsm8k:main/train"),
        stop=("\n\n", "Question:"),
        max_tokens=256,
        rule="Question: {question}⏎Answer: …",
    ),
    Suite(
        name="humaneval",
        kind=CODE,
        read=writing.human_eval,
        files=("human*eval*test*", "human*eval*"),
        hub="hf:openai/openai_humaneval/test",
        metric="pass_at_1",
        stop=("\nclass", "\ndef", "\n#", "\nif", "\nprint"),
        max_tokens=512,
        rule="{head of the function and its comment}…",
    ),
)
SUITES: dict[str, Suite] = {suite.name: suite for suite in OWN} | core_suites()
COLLECTIONS: dict[str, tuple[str, ...]] = {CORE: tuple(name for name in SUITES if SUITES[name].part_of == CORE)}
"""Names for several suites at once."""
