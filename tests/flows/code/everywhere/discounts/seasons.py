def discount(month):
    return 15 if month in (1, 7) else 0
