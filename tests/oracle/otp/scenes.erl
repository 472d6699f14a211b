%% Plays the scenes of scenes.txt on Erlang/OTP; see scenes.c, which plays them on troupe. All scenes
%% run at the same time, so that the waits, which are long for a loaded machine, cost little.
-module(scenes).
-export([main/0, init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, start_kid/2]).

main() ->
    Scenes = lists:append([parse(L) || L <- lines()]),
    Runs = [{N, spawn_monitor(fun() -> exit({said, perform(N, Steps)}) end)} || {N, Steps} <- Scenes],
    lists:foreach(fun({N, {_, Ref}}) ->
        receive
            {'DOWN', Ref, _, _, {said, Text}} -> io:put_chars(Text);
            {'DOWN', Ref, _, _, Why} -> io:format("~s broken ~p~n", [N, Why])
        end
    end, Runs),
    halt(0).

lines() -> case io:get_line("") of eof -> []; L -> [string:trim(L, trailing, "\n") | lines()] end.

parse("#" ++ _) -> [];
parse(Line) ->
    case string:split(Line, ": ") of
        [Name, Steps] -> [{Name, string:split(Steps, " | ", all)}];
        _ -> []
    end.

%% ---- the director ----

perform(Scene, Steps) ->
    process_flag(trap_exit, false),
    Stage = ets:new(stage, [public, ordered_set]),
    ets:insert(Stage, {scene, Scene}),
    ets:insert(Stage, {director, self()}),
    {_, Said} = lists:foldl(fun(Step, {N, Acc}) ->
        direct(Stage, string:lexemes(Step, " "), Step),
        settle(Stage),
        {N + 1, [Acc | print_notes(Scene, N)]}
    end, {1, []}, Steps),
    [exit(P, kill) || {{who, P}, _} <- ets:tab2list(Stage)],
    [Said, Scene, " end\n"].

direct(T, ["spawn" | Names], _) ->
    [introduce(T, hd(N), spawn(fun() -> play(T, hd(N)) end)) || N <- Names];
direct(_, ["wait", Ms], _) -> timer:sleep(ms(Ms));
direct(T, ["alive" | Names], _) ->
    [note(T, $=, "~s ~s", [N, case is_process_alive(pid(T, N)) of true -> alive; _ -> dead end])
     || N <- Names];
direct(T, ["kid", K, Reason], _) -> pid(T, K) ! {leave, list_to_atom(Reason)};
direct(T, ["plan", K, What, N], _) -> ets:insert(T, {{plan, hd(K), What}, list_to_integer(N)});
direct(T, [Player | _], Step) -> pid(T, Player) ! {command, string:slice(Step, 2)}.

%% There is no end of a computation to be seen from outside: rounds of looking whether anyone has
%% something to do, with pauses between them.
settle(T) ->
    lists:foreach(fun(_) -> timer:sleep(10 * scale()), quiet(T, 200) end, lists:seq(1, 4)).
quiet(_, 0) -> ok;
quiet(T, Left) ->
    Busy = [P || {{who, P}, _} <- ets:tab2list(T), busy(P)],
    case Busy of [] -> ok; _ -> timer:sleep(2), quiet(T, Left - 1) end.
busy(P) ->
    case process_info(P, status) of
        {status, S} -> S =/= waiting;
        undefined -> false
    end.

note(T, Who, Format, Args) ->
    [{_, Director}] = ets:lookup(T, director),
    Director ! {note, Who, io_lib:format(Format, Args)}.

print_notes(Scene, N) ->
    Notes = lists:keysort(1, notes()),
    [io_lib:format("~s ~b ~c ~s~n", [Scene, N, Who, Text]) || {Who, Text} <- Notes].
notes() -> receive {note, Who, Text} -> [{Who, Text} | notes()] after 0 -> [] end.

introduce(T, Letter, Pid) -> ets:insert(T, [{{pid, Letter}, Pid}, {{who, Pid}, Letter}]).
pid(T, Word) -> ets:lookup_element(T, {pid, hd(Word)}, 2).
who(T, Pid) -> case ets:lookup(T, {who, Pid}) of [{_, L}] -> L; [] -> $? end.

%% ---- players ----

play(T, Me) -> put(t, T), put(me, Me), loop().
say(Format, Args) -> note(get(t), get(me), Format, Args).

loop() ->
    Future = get(future), % its answer is for await
    receive
        {command, Text} ->
            [do(string:lexemes(C, " ")) || C <- string:lexemes(Text, ",")],
            case get(returns) of true -> ok; _ -> loop() end;
        {'$gen_call', From, Request} -> asked(From, Request), loop();
        {'EXIT', P, R} -> say("EXIT ~c ~s", [who(get(t), P), reason(R)]), loop();
        {'DOWN', Ref, _, P, R} when Ref =/= Future -> say("DOWN ~c ~s", [who(get(t), P), reason(R)]), loop();
        {text, Text} -> say("got ~s", [Text]), loop()
    end.

reason(R) when is_atom(R) -> R;
reason({shutdown, _}) -> shutdown;
reason(R) -> io_lib:format("~p", [R]).

other(W) -> pid(get(t), W).
%% Names are one scene's.
name(N) -> list_to_atom(ets:lookup_element(get(t), scene, 2) ++ N).
bool(Format, B) -> say(Format, [B]).

do(["spawn", [L]]) -> T = get(t), introduce(T, L, spawn(fun() -> play(T, L) end));
do(["spawn", [L], "link"]) -> T = get(t), introduce(T, L, spawn_link(fun() -> play(T, L) end));
do(["spawn", [L], "monitor"]) ->
    T = get(t), {P, R} = spawn_monitor(fun() -> play(T, L) end), introduce(T, L, P), put({ref, L}, R);
do(["link", P]) -> link(other(P));
do(["unlink", P]) -> unlink(other(P));
do(["trap" | Off]) -> bool("trapped ~s", process_flag(trap_exit, Off =:= []));
do(["monitor", [L] = P]) -> put({ref, L}, monitor(process, other(P)));
do(["demonitor", [L]]) -> bool("demonitored ~s", demonitor(get({ref, L}), [flush, info]));
do(["exit", R]) -> exit(list_to_atom(R));
do(["return"]) -> put(returns, true);
do(["signal", P, R]) -> exit(other(P), list_to_atom(R));
do(["say", P, Text]) -> other(P) ! {text, Text};
do(["sayname", N, Text]) -> try name(N) ! {text, Text} catch error:badarg -> say("noname", []) end;
do(["register", N]) ->
    try register(name(N), self()), put(name, N), say("register ok", [])
    catch error:badarg -> say("register taken", []) end;
do(["unregister"]) ->
    try unregister(name(erase(name))), say("unregister ok", [])
    catch error:_ -> say("unregister noname", []) end;
do(["whereis", N]) ->
    case whereis(name(N)) of
        undefined -> say("~s is nobody", [N]);
        P -> say("~s is ~c", [N, who(get(t), P)])
    end;
do(["sleep", Ms]) -> timer:sleep(ms(Ms)), say("slept", []);
do(["after", Ms, P, Text]) -> put(timer, erlang:send_after(ms(Ms), other(P), {text, Text}));
do(["cancel"]) -> bool("cancelled ~s", erlang:cancel_timer(get(timer)) =/= false);
do(["alias", "reply"]) -> keep_alias(alias([reply]));
do(["alias", _]) -> keep_alias(alias());
do(["monalias", [L] = P, Mode]) ->
    M = case Mode of "explicit" -> explicit_unalias; _ -> list_to_atom(Mode) end,
    R = monitor(process, other(P), [{alias, M}]), put({ref, L}, R), keep_alias(R);
do(["unalias"]) -> bool("unaliased ~s", unalias(ets:lookup_element(get(t), {alias, get(me)}, 2)));
do(["sayalias", [L], Text]) -> ets:lookup_element(get(t), {alias, L}, 2) ! {text, Text};
do(["call", P, Ms | Request]) ->
    try gen_server:call(other(P), Request, span(Ms)) of Reply -> say("reply ~s", [Reply])
    catch exit:{Why, _} -> say("~s", [outcome(Why)]) end;
do(["request", P | Request]) -> put(future, gen_server:send_request(other(P), Request));
do(["await", Ms]) ->
    case gen_server:wait_response(get(future), span(Ms)) of
        {reply, Reply} -> say("reply ~s", [Reply]);
        timeout -> say("timeout", []);
        {error, {Why, _}} -> say("~s", [outcome(Why)])
    end;
do(["answer", Text]) -> gen_server:reply(get(held), Text);
do(["take", Text, Ms]) ->
    receive {text, Text} -> say("took ~s", [Text])
    after ms(Ms) -> say("missed ~s", [Text]) end;
do(["sup", Strategy, Intensity, Auto | Kids]) -> sup(Strategy, Intensity, Auto, Kids);
do(["supstart", K]) -> result(supervisor:start_child(get(sup), kid_spec(K, false)));
do(["supadd", [L]]) -> result(supervisor:start_child(get(sup), [L]));
do(["supterm", [L]]) -> result(supervisor:terminate_child(get(sup), L));
do(["suptermpid", P]) -> result(supervisor:terminate_child(get(sup), other(P)));
do(["suprestart", [L]]) -> result(supervisor:restart_child(get(sup), L));
do(["supdelete", [L]]) -> result(supervisor:delete_child(get(sup), L));
do(["supwhich"]) ->
    %% OTP names no child of a simple_one_for_one; troupe tells the template's id, here always x
    %% (docs/differences-from-otp.md, Supervisors).
    Kids = lists:sort([{case I of undefined -> $x; _ -> I end, P}
                       || {I, P, _, _} <- supervisor:which_children(get(sup))]),
    [say("~c ~s", [I, case P of undefined -> stopped; restarting -> restarting; _ -> running end])
     || {I, P} <- Kids],
    C = maps:from_list(supervisor:count_children(get(sup))),
    #{specs := S, active := A, supervisors := U, workers := W} = C,
    say("specs ~b active ~b supervisors ~b workers ~b", [S, A, U, W]).

span("infinity") -> infinity;
span(Ms) -> ms(Ms).
%% TROUPE_OTP_SCALE makes all times longer, for a machine too busy to keep the short ones.
ms(Ms) -> scale() * list_to_integer(Ms).
scale() -> list_to_integer(os:getenv("TROUPE_OTP_SCALE", "1")).
keep_alias(A) -> ets:insert(get(t), {{alias, get(me)}, A}).
%% The callee is gone, whatever its reason: troupe says TP_ENOPROC (docs/differences-from-otp.md,
%% "A failed call is an error code").
outcome(timeout) -> timeout;
outcome(calling_self) -> self;
outcome(_) -> gone.

asked(From, [What | More]) ->
    say("asked ~s", [What]),
    case What of
        "echo" -> gen_server:reply(From, "echo");
        "hold" -> put(held, From);
        "twice" -> gen_server:reply(From, "one"), gen_server:reply(From, "two");
        "die" -> exit(list_to_atom(hd(More)));
        "pass" -> other(hd(More)) ! {'$gen_call', From, ["echo"]}
    end.

%% ---- supervisors ----

sup(Strategy, Words, Auto, Kids) ->
    [Intensity | Period] = [list_to_integer(W) || W <- string:lexemes(Words, "/")],
    S = case Strategy of
        "all" -> one_for_all; "rest" -> rest_for_one; "simple" -> simple_one_for_one;
        "one" -> one_for_one end,
    A = case Auto of "any" -> any_significant; "all" -> all_significant; _ -> never end,
    Flags = #{strategy => S, intensity => Intensity, auto_shutdown => A,
              period => case Period of [] -> 50; [P] -> P end * scale()},
    Specs = [kid_spec(K, S =:= simple_one_for_one) || K <- Kids],
    case supervisor:start_link(?MODULE, {supervisor, Flags, Specs}) of
        {ok, Pid} -> put(sup, Pid), introduce(get(t), $s, Pid), say("sup ok", []);
        %% A starter that traps exits is not told of a failed start a second time (tp_start).
        _ -> receive {'EXIT', _, _} -> ok after 300 * scale() -> ok end, say("sup failed", [])
    end.

kid_spec([L | Flags], Simple) ->
    Has = fun(C) -> lists:member(C, Flags) end,
    Digits = [C || C <- Flags, C >= $0, C =< $9],
    Args = case Simple of true -> [get(t)]; _ -> [get(t), L] end,
    #{id => L, start => {?MODULE, start_kid, Args}, significant => Has($s),
      restart => case {Has($t), Has($T)} of
          {true, _} -> transient; {_, true} -> temporary; _ -> permanent end,
      shutdown => case {Has($k), Has($i), Digits} of
          {true, _, _} -> brutal_kill; {_, true, _} -> infinity; {_, _, []} -> 5000;
          {_, _, D} -> list_to_integer(D) end}.

result({ok, _}) -> say("ok", []);
result(ok) -> say("ok", []);
result({error, {already_started, _}}) -> say("already_started", []);
result({error, simple_one_for_one}) -> say("wrong", []);
result({error, R}) when is_atom(R), R =/= boom -> say("~s", [R]);
result({error, _}) -> say("failed", []).

start_kid(T, L) -> gen_server:start_link(?MODULE, {kid, T, L}, []).

init({supervisor, Flags, Specs}) -> {ok, {Flags, Specs}};
init({kid, T, L}) ->
    process_flag(trap_exit, true),
    case {planned(T, L, "fail"), planned(T, L, "ignore")} of
        {N, _} when N > 0 -> ets:insert(T, {{plan, L, "fail"}, N - 1}), note(T, $*, "!~c", [L]),
                             {stop, boom};
        {_, N} when N > 0 -> ets:insert(T, {{plan, L, "ignore"}, N - 1}), note(T, $*, "~~~c", [L]),
                             ignore;
        _ -> introduce(T, L, self()), note(T, $*, "+~c", [L]), {ok, {T, L}}
    end.
planned(T, L, What) -> case ets:lookup(T, {plan, L, What}) of [{_, N}] -> N; [] -> 0 end.

handle_call(_, _, State) -> {reply, ok, State}.
handle_cast(_, State) -> {noreply, State}.
handle_info({leave, Reason}, {T, L}) -> {stop, Reason, {T, L, leaves}};
handle_info(_, State) -> {noreply, State}.
terminate(_, {_, _, leaves}) -> ok;
terminate(Reason, {T, L}) ->
    note(T, $*, "-~c ~s", [L, reason(Reason)]),
    case planned(T, L, "slow") of
        0 -> ok;
        Ms -> timer:sleep(Ms * scale()), note(T, $*, "~c stopped slowly", [L])
    end.
