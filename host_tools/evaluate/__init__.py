"""The bench: people of a versioned matrix, or recordings, and what an algorithm makes of them.

    matrix   which cases            case       one of them
    execute  all of them at once    measure    one of them: from light to readings
    score    readings to figures    summary    figures to tables and bounds
"""
