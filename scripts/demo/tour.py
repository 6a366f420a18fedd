"""The questions that people ask, each with the command that answers it and the real answer."""
import re
import shlex
import subprocess

from week import ASHA, GEETA, RUKHSANA, SUNITA

LINES_SHOWN = 16
TAIL_SHOWN = 2
LINE_WIDTH = 800

# question, the command's words, what the answer must contain (the demo fails otherwise), and what needs saying.
STEPS = (
    ("Is it working, and is anything missing?", "status", r"0 gaps"),
    ("What have people done in the application lately?", "log via:app trust:claimed,verified --limit 3", r"Grace Thomas"),
    ("Who changed Asha's phone number?", f"log field:phone key:{ASHA}", r"Priya Raman"),
    ("What is the whole story of Asha's record?", f"history contacts {ASHA}", r"phone .* 919845550142",
     "The last one is from the baseline: the record as it was when capture began."),
    ("How does a program get that change? As JSON.", "show {phone_change} --json", r'"new":"919845550142"'),
    ("How did Asha's record look before?", f"at contacts {ASHA} seq:{{before_phone_change}}", r"Asha Kale",
     "What stands in updated_at and the other columns is the application's own: it writes UTC there, without a zone, and\n"
     "Rowledger shows it as it is. Only Rowledger's own times are in India's."),
    ("And how did it look on Tuesday at noon?", f"at contacts {ASHA} {{tuesday}}T12:00", r"optin_status +true"),
    ("What differs between then and now?", f"diff contacts {ASHA} {{tuesday}}T12:00 now", r"optin_status +true → false"),
    ("What was done outside the application on Wednesday?", "log via:sql created:{wednesday} --limit 2", r"meera"),
    ("Where did the number 919845550142 ever turn up?", "log 919845550142", r"Priya Raman"),
    ("Since when has Geeta had Sunita's number?", f"log table:contacts key:{SUNITA},{GEETA} field:phone", r"handset"),
    ("What was Rukhsana's name before?", f"log key:{RUKHSANA} field:name", "रुखसाना"),
    ("What came in with Ravi's import?", "log via:import table:contacts --limit 2", r"Ravi Kumar"),
    ("Who was deleted, and why?", "log table:contacts op:delete", r"asked to be forgotten"),
    ("Whose consent was changed outside the application?", "log field:optin_status via:sql --limit 3", r"meera"),
    ("Who emptied the tags?", "log table:contacts_tags via:sql --order asc --limit 3", r"meera.*emptied"),
    ("Which changes name a person, proven by a signature?", "log trust:verified", r"Grace Thomas \(verified\)"),
    ("Did anybody forge one?", "log is:forged", r"contacts 503"),
    ("What do the messages do to contacts? (hidden unless asked for)", "log is:housekeeping --limit 2", r"via trigger"),
)
# These look at days, and there is only one without the demo's clock.
NEEDS_DAYS = ("{tuesday}", "{wednesday}")


class Tour:
    def __init__(self, program, environment, directory, clock):
        self.clock = clock
        self.program = program
        self.environment = environment
        self.directory = directory
        self.found = {}

    def ask(self, words):
        return subprocess.run([self.program, *shlex.split(words)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, env=self.environment, cwd=self.directory)

    def find_entries(self):
        """The seq of the change of Asha's phone number, for the steps that look around it."""
        answer = self.ask(f"log field:phone key:{ASHA} --limit 1 --json")
        match = re.search(r'"seq":(\d+)', answer.stdout)
        if match:
            seq = int(match.group(1))
            self.found = {"phone_change": seq, "before_phone_change": seq - 1}
        self.found |= {"tuesday": self.clock.day("Tue"), "wednesday": self.clock.day("Wed")}

    def run(self, say):
        """Returns the questions that were not answered as they should be."""
        say("\nThe tour: questions, and how to ask them. (export ROWLEDGER_DIR="
            f"{self.environment['ROWLEDGER_DIR']})")
        self.find_entries()
        failures = []
        for question, words, expected, *note in STEPS:
            if self.clock.library is None and any(day in words for day in NEEDS_DAYS):
                continue
            command = words.format_map(_Blank(self.found))
            say(f"\n{question}\n$ rowledger {command}")
            answer = self.ask(command)
            show(answer.stdout, say)
            for text in note:
                say(f"\n{text}")
            if answer.returncode != 0 or not re.search(expected, answer.stdout):
                say(f"!! This is not the answer expected (exit code {answer.returncode}). {answer.stderr.strip()}")
                failures.append(question)
        if failures:
            say(f"\n{len(failures)} of {len(STEPS)} questions were not answered as expected:")
            for question in failures:
                say(f"  {question}")
        return failures


class _Blank(dict):
    def __missing__(self, key):
        return f"<{key}>"


def show(text, say):
    lines = text.rstrip("\n").split("\n")
    left_out = len(lines) - LINES_SHOWN
    if left_out > 1:
        lines[LINES_SHOWN - TAIL_SHOWN:-TAIL_SHOWN] = [f"... {left_out} lines are left out here ..."]
    for line in lines:
        say(f"  {line}" if len(line) <= LINE_WIDTH else f"  {line[:LINE_WIDTH]} ...")
