"""What a reporting guideline asks for, answered from what ran: TRIPOD+AI by item, CLAIM by topic."""

from __future__ import annotations

from dataclasses import dataclass

from spiroct.reporting.result_table import ResultTable

AUTHORS = "to be written by the authors"


@dataclass(frozen=True)
class Ran:
    """What ran, as far as the checklist tells it.

    Parameters
    ----------
    simulated : bool
        Whether the patients are simulated.
    flow : dict of str to int
        As ``flow.json`` has it.
    scale, network, input : str
        Of the networks, in words.
    trainings : int
        Finished, each cross-validated.
    seeds : int
        Of the headline contrasts.
    external, healthy : int
        Scans of the other site and of healthy people that were estimated; 0 where none were.
    versions : str
        Of what decides the numbers.
    """

    simulated: bool
    flow: dict[str, int]
    scale: str
    network: str
    input: str
    trainings: int
    seeds: int
    external: int
    healthy: int
    versions: str


def checklist(ran: Ran) -> ResultTable:
    """Fill the items of TRIPOD+AI (Collins 2024, BMJ 385:e078378), with the topic of CLAIM beside each."""
    flow = ran.flow
    who = "simulated patients of spiroct" if ran.simulated else AUTHORS
    left_out = f"{flow['selected']} scans selected, {flow['selected'] - flow['included']} left out (Figure 1)"
    building = f"{ran.network}, scale {ran.scale}; recipe and options in steps/NAME/run.json"
    data = "the cohort follows from its seed" if ran.simulated else AUTHORS
    openness = f"code and versions: {ran.versions}; the protocol is the recipes; {data}"
    rows = [
        ("1-2", "Title, abstract", "title, abstract", AUTHORS),
        ("3-4", "Background, objectives", "introduction", "Q1 to Q7 of Jia 2023; the reason is the authors'"),
        ("5", "Source of data and dates", "data sources", who),
        ("6", "Participants, eligibility", "eligibility", left_out),
        ("7", "Data preparation", "preprocessing", ran.input),
        ("8", "Outcome", "reference standard", "measured DLCO, FEV1, FVC, TLC; %predicted by GLI equations"),
        ("9", "Predictors", "input", "chest CT; sex, age and height only where a row says so"),
        ("10", "Sample size", "sample size", f"{flow['included']} scans, all there were; not calculated"),
        ("11", "Missing data", "missing data", f"{flow['incomplete tests']} scans left out; nothing imputed"),
        ("12a", "How data were used", "data partitions",
         f"four-fold cross-validation on {flow['training']} scans, test on {flow['test']}, patients kept whole"),
        ("12b-c", "Model type and building", "model, training", building),
        ("12d", "Heterogeneity", "external testing", f"{ran.external} scans of another site, {ran.healthy} healthy"
         if ran.external else "not run"),
        ("12e", "Performance measures", "metrics", "MAE, MAPE, R, ICC(A,1), limits of agreement, with 95 % intervals"),
        ("12f", "Model updating", "model updating", "recalibration and fine-tuning at the other site"
         if ran.external else "not run"),
        ("13", "Class imbalance", "-", "none: continuous outcomes"),
        ("14", "Fairness", "subgroups", "not run here; spiroct evaluate --cohort has metrics by sex and site"),
        ("15", "Output", "output", "litres and mmol/min/kPa, mean of the folds' networks"),
        ("16", "Training against evaluation", "data partitions", "same rules of inclusion for training and test"),
        ("17", "Ethical approval", "ethics", "not needed: nobody is a person" if ran.simulated else AUTHORS),
        ("18a-f", "Funding, protocol, data, code", "open science", openness),
        ("19", "Patient involvement", "-", AUTHORS),
        ("20", "Participants", "flow, demographics", "Figure 1, Table 1"),
        ("21", "Model development", "training", f"{ran.trainings} trainings, {ran.seeds} seeds where it matters"),
        ("22", "Model specification", "model", "steps/NAME/checkpoint: weights, recipe and card"),
        ("23", "Performance with intervals", "performance", "Tables 2 to 7, metrics.csv"),
        ("24", "Updating results", "-", "table external" if ran.external else "not run"),
        ("25", "Interpretation", "discussion", AUTHORS),
        ("26", "Limitations", "limitations", "head of report.html; the rest is the authors'"),
        ("27", "Usability, next steps", "intended use", "research; no diagnosis or treatment rests on it"),
    ]  # fmt: skip
    return ResultTable.of(
        "checklist",
        "TRIPOD+AI and CLAIM, filled from what ran",
        ("TRIPOD+AI", "Item", "CLAIM, topic", "Here"),
        rows,
        words=4,
        notes=("TRIPOD+AI: Collins 2024, BMJ 385:e078378. CLAIM: Mongan 2020, Radiol Artif Intell 2:e200029.",),
    )
