def page(cases, verdicts): return ""
