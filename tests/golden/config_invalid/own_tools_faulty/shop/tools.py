def reconcile(day, *, deep=False):
    return {"day": day, "deep": deep}
