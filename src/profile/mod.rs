//! What is kept of the traffic: latencies, statements, connections' lives, pools' demand, hoarding.
