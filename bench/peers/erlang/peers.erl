%% The measurements of troupe-bench as Erlang processes: same actors, same messages, same checks.
%% peers:main() reads NAME... [--reps N] [--json] behind -extra; the schedulers come from +S.
%% Random numbers need 64 bits, which Erlang has only as big integers: they are drawn before the
%% clock starts, into binaries, so they cost the measured part nothing.
-module(peers).
-export([main/0]).

-define(ACTORS, 1000000).
-define(MESSAGES, 1000000).
-define(CREATURES, 100).
-define(MEETINGS, 200000).
-define(BIG_ACTORS, 120).
-define(BIG_PINGS, 20000).
-define(ACCOUNTS, 1000).
-define(TRANSACTIONS, 50000).
-define(START_BALANCE, 1000000).

cases() ->
    [{"pingpong", "ns/hop", fun pingpong/0},
     {"threadring", "ns/hop", fun threadring/0},
     {"count", "Mmsg/s", fun() -> fanin(1) end},
     {"fanin2", "Mmsg/s", fun() -> fanin(2) end},
     {"fanin4", "Mmsg/s", fun() -> fanin(4) end},
     {"fanin8", "Mmsg/s", fun() -> fanin(8) end},
     {"fjthrput", "Mmsg/s", fun fjthrput/0},
     {"fjcreate", "ns/actor", fun fjcreate/0},
     {"fib25", "ms", fun fib25/0},
     {"chameneos", "ns/meeting", fun chameneos/0},
     {"big", "ns/ping", fun big/0},
     {"banking", "ns/transaction", fun banking/0},
     {"idlemem", "bytes/actor", fun idlemem/0},
     {"spawn", "ns/actor", fun spawn_idle/0},
     {"timer_arm", "ns", fun() -> timers(arm) end},
     {"timer_cancel", "ns", fun() -> timers(cancel) end}].

main() ->
    Code = try options(init:get_plain_arguments(), [], 5, false)
           catch Class:Why ->
               io:format(standard_error, "erlang: ~p: ~p~n", [Class, Why]),
               1
           end,
    halt(Code).

options(["--reps", N | Rest], Names, _, Json) -> options(Rest, Names, list_to_integer(N), Json);
options(["--json" | Rest], Names, Reps, _) -> options(Rest, Names, Reps, true);
options(["--list" | _], _, _, _) ->
    [io:format("~-14s ~s~n", [Name, Unit]) || {Name, Unit, _} <- cases()],
    0;
options(["--version" | _], _, _, _) ->
    io:format("Erlang/OTP ~s, erts ~s, ~s~n",
              [erlang:system_info(otp_release), erlang:system_info(version),
               erlang:system_info(emu_flavor)]),
    0;
options(["--" ++ _ = Option | _], _, _, _) ->
    io:format(standard_error, "erlang: unknown option ~s~n", [Option]),
    2;
options([Name | Rest], Names, Reps, Json) -> options(Rest, [Name | Names], Reps, Json);
options([], Names, Reps, Json) ->
    case [Name || Name <- Names, not lists:keymember(Name, 1, cases())] of
        [] ->
            [measure(lists:keyfind(Name, 1, cases()), Reps, Json) || Name <- lists:reverse(Names)],
            0;
        [Unknown | _] ->
            io:format(standard_error, "erlang: no measurement of the name ~s~n", [Unknown]),
            2
    end.

measure({Name, Unit, Run}, Reps, Json) ->
    Values = lists:sort([alone(Run) || _ <- lists:seq(1, Reps)]),
    Median = lists:nth(Reps div 2 + 1, Values),
    case Json of
        true ->
            io:format("{\"name\":\"~s\",\"workers\":~b,\"value\":~.3f,\"unit\":\"~s\",\"reps\":~b,"
                      "\"min\":~.3f,\"max\":~.3f}~n",
                      [Name, erlang:system_info(schedulers_online), Median, Unit, Reps,
                       hd(Values), lists:last(Values)]);
        false -> io:format("~-14s ~10.2f ~s~n", [Name, Median, Unit])
    end.

%% A repetition in a process of its own: its heap and mailbox start empty.
alone(Run) ->
    {Pid, Monitor} = spawn_monitor(fun() -> exit({value, float(Run())}) end),
    receive
        {'DOWN', Monitor, process, Pid, {value, Value}} -> Value;
        {'DOWN', Monitor, process, Pid, Why} -> error(Why)
    end.

now_ns() -> erlang:monotonic_time(nanosecond).

times(0, _) -> ok;
times(N, Do) -> Do(), times(N - 1, Do).

next_random(State) -> (State * 6364136223846793005 + 1442695040888963407) band 16#FFFFFFFFFFFFFFFF.
drawn(State) -> (State bsr 33) band 16#FFFFFFFF.

%% ---- actors that answer each other

ponger() -> receive {ping, From, N} -> From ! {pong, N}, ponger() end.
pinger(Peer, Boss, N) ->
    receive
        {pong, ?MESSAGES} -> Boss ! done;
        {pong, N} -> Peer ! {ping, self(), N + 1}, pinger(Peer, Boss, N + 1)
    end.
pingpong() ->
    Boss = self(),
    A = spawn(fun ponger/0),
    Start = now_ns(),
    spawn(fun() -> A ! {ping, self(), 1}, pinger(A, Boss, 1) end),
    receive done -> ok end,
    Span = now_ns() - Start,
    exit(A, kill),
    Span / (2 * ?MESSAGES).

ring(Next, Boss) ->
    receive
        {token, 0} -> Boss ! done, ring(Next, Boss);
        {token, N} -> Next ! {token, N - 1}, ring(Next, Boss)
    end.
threadring() ->
    Boss = self(),
    Ring = [spawn(fun() -> receive {neighbour, Next} -> ring(Next, Boss) end end)
            || _ <- lists:seq(1, 100)],
    [Actor ! {neighbour, Next} || {Actor, Next} <- lists:zip(Ring, tl(Ring) ++ [hd(Ring)])],
    Start = now_ns(),
    hd(Ring) ! {token, ?MESSAGES},
    receive done -> ok end,
    Span = now_ns() - Start,
    [exit(Actor, kill) || Actor <- Ring],
    Span / ?MESSAGES.

%% ---- many messages to one

sink(0, Boss) -> Boss ! done;
sink(Left, Boss) -> receive {item, _} -> sink(Left - 1, Boss) end.
source(_, N, N) -> ok;
source(To, N, Count) -> To ! {item, N}, source(To, N + 1, Count).
fanin(Producers) ->
    Boss = self(),
    Each = ?MESSAGES div Producers,
    Sink = spawn(fun() -> sink(Each * Producers, Boss) end),
    Start = now_ns(),
    times(Producers, fun() -> spawn(fun() -> source(Sink, 0, Each) end) end),
    receive done -> ok end,
    ?MESSAGES * 1.0e3 / (now_ns() - Start).

fjthrput() ->
    Boss = self(),
    Sinks = [spawn(fun() -> sink(10000, Boss) end) || _ <- lists:seq(1, 60)],
    Start = now_ns(),
    each_sink(Sinks, 0),
    times(60, fun() -> receive done -> ok end end),
    60 * 10000 * 1.0e3 / (now_ns() - Start).
each_sink(_, 10000) -> ok;
each_sink(Sinks, N) -> deal(Sinks, {item, N}), each_sink(Sinks, N + 1).
deal([], _) -> ok;
deal([Sink | Rest], Message) -> Sink ! Message, deal(Rest, Message).

%% ---- actors made, kept and ended

%% The end is seen in a counter, as in troupe-bench: a full mailbox would make the spawning slow.
fjcreate() ->
    Counter = counters:new(1, [write_concurrency]),
    Start = now_ns(),
    create(?ACTORS, fun() -> receive {one, _} -> counters:add(Counter, 1, 1) end end),
    wait_counter(Counter),
    (now_ns() - Start) / ?ACTORS.
create(0, _) -> ok;
create(N, Body) -> spawn(Body) ! {one, N}, create(N - 1, Body).
wait_counter(Counter) ->
    case counters:get(Counter, 1) of
        ?ACTORS -> ok;
        _ -> erlang:yield(), wait_counter(Counter)
    end.

idle() -> receive {one, _} -> ok end.
spawn_idle() ->
    Start = now_ns(),
    All = keep(?ACTORS, []),
    Span = now_ns() - Start,
    [exit(Pid, kill) || Pid <- All],
    Span / ?ACTORS.
keep(0, All) -> All;
keep(N, All) -> keep(N - 1, [spawn(fun idle/0) | All]).
resident() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = binary:split(Text, <<" ">>, [global]),
    binary_to_integer(Pages) * 4096.
idlemem() ->
    Before = resident(),
    All = keep(?ACTORS, []),
    Grown = resident() - Before,
    [exit(Pid, kill) || Pid <- All],
    Grown / ?ACTORS.

fib() ->
    receive
        {ask, N, To} when N =< 2 -> To ! {answer, 1};
        {ask, N, To} ->
            spawn(fun fib/0) ! {ask, N - 1, self()},
            spawn(fun fib/0) ! {ask, N - 2, self()},
            A = receive {answer, First} -> First end,
            B = receive {answer, Second} -> Second end,
            To ! {answer, A + B}
    end.
fib25() ->
    Start = now_ns(),
    spawn(fun fib/0) ! {ask, 25, self()},
    receive {answer, 75025} -> (now_ns() - Start) / 1.0e6 end.

%% ---- many that meet at random

mall(Boss, _, ?MEETINGS) -> closing(Boss, ?CREATURES, 0);
mall(Boss, none, Meetings) ->
    receive {come, From, Colour} -> mall(Boss, {From, Colour}, Meetings) end;
mall(Boss, {Waiting, Other}, Meetings) ->
    receive
        {come, From, Colour} ->
            Waiting ! {met, Colour},
            From ! {met, Other},
            mall(Boss, none, Meetings + 1)
    end.
closing(Boss, 0, Sum) -> Boss ! {done, Sum};
closing(Boss, Left, Sum) ->
    receive
        {come, From, _} -> From ! closed, closing(Boss, Left, Sum);
        {told, Meetings} -> closing(Boss, Left - 1, Sum + Meetings)
    end.
creature(Mall, Colour, Meetings) ->
    Mall ! {come, self(), Colour},
    receive
        {met, Colour} -> creature(Mall, Colour, Meetings + 1);
        {met, Other} -> creature(Mall, 3 - Colour - Other, Meetings + 1);
        closed -> Mall ! {told, Meetings}
    end.
chameneos() ->
    Boss = self(),
    Mall = spawn(fun() -> mall(Boss, none, 0) end),
    Start = now_ns(),
    [spawn(fun() -> creature(Mall, I rem 3, 0) end) || I <- lists:seq(0, ?CREATURES - 1)],
    receive {done, 2 * ?MEETINGS} -> ok end,
    (now_ns() - Start) / ?MEETINGS.

targets(_, 0, Drawn) -> list_to_binary(lists:reverse(Drawn));
targets(State, Left, Drawn) ->
    Next = next_random(State),
    targets(Next, Left - 1, [drawn(Next) rem ?BIG_ACTORS | Drawn]).
big_actor(All, Boss, <<Target, Rest/binary>>, N) ->
    element(Target + 1, All) ! {ping, self(), N},
    big_wait(All, Boss, Rest, N);
big_actor(All, Boss, <<>>, N) -> Boss ! done, big_wait(All, Boss, <<>>, N).
big_wait(All, Boss, Rest, N) ->
    receive
        {ping, From, Count} -> From ! {pong, Count}, big_wait(All, Boss, Rest, N);
        {pong, N} -> big_actor(All, Boss, Rest, N + 1)
    end.
big() ->
    Boss = self(),
    Actors = [{spawn(fun() -> receive {start, All, Mine} -> big_actor(All, Boss, Mine, 0) end end),
               targets(I, ?BIG_PINGS, [])} || I <- lists:seq(1, ?BIG_ACTORS)],
    All = list_to_tuple([Pid || {Pid, _} <- Actors]),
    Start = now_ns(),
    [Pid ! {start, All, Mine} || {Pid, Mine} <- Actors],
    times(?BIG_ACTORS, fun() -> receive done -> ok end end),
    Span = now_ns() - Start,
    [exit(Pid, kill) || {Pid, _} <- Actors],
    Span / (?BIG_ACTORS * ?BIG_PINGS).

account(Balance, Teller) ->
    receive
        {transfer, From, To, Amount} ->
            To ! {credit, self(), Amount},
            account(Balance - Amount, From);
        {credit, From, Amount} -> From ! {credited, Amount}, account(Balance + Amount, Teller);
        {credited, Amount} -> Teller ! {transferred, Amount}, account(Balance, Teller);
        {get_total, From} -> From ! {total, Balance}
    end.
orders(_, 0, Drawn) -> list_to_binary(lists:reverse(Drawn));
orders(State, Left, Drawn) ->
    A = next_random(State), B = next_random(A), C = next_random(B),
    From = drawn(A) rem ?ACCOUNTS,
    To = case drawn(B) rem (?ACCOUNTS - 1) of T when T >= From -> T + 1; T -> T end,
    orders(C, Left - 1, [<<From:16, To:16, (drawn(C) rem 1000):16>> | Drawn]).
order(_, <<>>) -> ok;
order(Accounts, <<From:16, To:16, Amount:16, Rest/binary>>) ->
    element(From + 1, Accounts) ! {transfer, self(), element(To + 1, Accounts), Amount},
    order(Accounts, Rest).
teller(0, Boss) -> Boss ! done;
teller(Left, Boss) -> receive {transferred, _} -> teller(Left - 1, Boss) end.
banking() ->
    Boss = self(),
    List = [spawn(fun() -> account(?START_BALANCE, none) end) || _ <- lists:seq(1, ?ACCOUNTS)],
    Accounts = list_to_tuple(List),
    Orders = orders(7, ?TRANSACTIONS, []),
    Start = now_ns(),
    spawn(fun() -> order(Accounts, Orders), teller(?TRANSACTIONS, Boss) end),
    receive done -> ok end,
    Span = now_ns() - Start,
    Expected = ?ACCOUNTS * ?START_BALANCE,
    Expected = lists:sum([begin A ! {get_total, self()}, receive {total, T} -> T end end
                          || A <- List]),
    Span / ?TRANSACTIONS.

%% ---- timers

arm(?ACTORS, Refs) -> Refs;
arm(I, Refs) ->
    arm(I + 1, [erlang:send_after(3600000 + I div 1000, self(), {tick, I}) | Refs]).
cancel([]) -> ok;
cancel([Ref | Rest]) ->
    Left = erlang:cancel_timer(Ref),
    true = is_integer(Left),
    cancel(Rest).
timers(What) ->
    Start = now_ns(),
    Refs = arm(0, []),
    Armed = now_ns() - Start,
    Again = now_ns(),
    cancel(lists:reverse(Refs)),
    Cancelled = now_ns() - Again,
    case What of arm -> Armed / ?ACTORS; cancel -> Cancelled / ?ACTORS end.
