def far(rate):
    return rate * 10
