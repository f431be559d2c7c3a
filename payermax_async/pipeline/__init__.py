"""What happens between a request model and the transport, in one picture.

A call goes down this list and its answer comes up again. What stands further in knows
nothing of what stands further out::

    execution         a call from start to end: deadline, facts, first and last event
    resolve           a write: others with its id wait, what is known of it is used
      one_write       send, ask, send again, as the case decides
        questions     ask what exists, until that is certain
    once              a write of which nothing can be asked: sent once, or not at all
    retry_loop        again, as long as that may be and there is time
      sends           one request to one host, observed and learned from
        attempt       a slot, a stamp, the bytes, the transport, all within one limit
          chain       the merchant's middlewares, the first one outermost
          signatures  sign what leaves, check what comes back
        replies       whether it is an answer, whose word it is, what it says

They stand on parts that know nothing of a call's way::

    call      what is the same over all attempts, and how the reply is read
    doubtful  what ``resolve()`` is to settle, and whose word is enough
    case      whether a write is to be sent, asked about, refused or left in doubt
    matching  whether what exists is what was asked for
    writes    what a client remembers by id: under way, in doubt, known to exist
    retry     whether to try again, and after how long
    budget    what repeating may cost all calls together
    in_flight the calls under way, and whether new ones may start
    limiter   when an attempt may start, also for several clients at once
    slots     a limiter: how many attempts may be under way
    hosts     where to, and who is given a rest
    breaker   when a host is given a rest
    skew      how far a host's clock is from this machine's
    stamps    the time on a request, and what the answer says of the clocks
    facts     what is written down of an attempt, first of all whether it left
    foreign   what the merchant's own code raised, made to fit those facts
    disguise  what it raised beside the attempts, so that it speaks for no call
    bounds    an end to code that does not let itself be cancelled
    observe   the events, for hooks and the log

What changes, and who alone has it in hand::

    execution  resolve one_write once questions retry_loop sends
    case       one_write
    matching   resolve one_write questions
    writes     resolve once
    in_flight  execution
    budget     in_flight sends
    limiter    attempt sends
    breaker    hosts observe
    stamps     attempt replies
    signatures attempt

The business fields of a request change nowhere: ``call`` holds them from the first
attempt to the last. The bytes are made once an attempt, in ``attempt``; a middleware
may add headers to them and nothing else, for ``signatures`` signs those bytes
themselves, and ``replies`` reads those that were verified. Whether anything left is
said by the transport through ``facts``, and no error changes it.
"""
