%% Plays the scripts of machines.txt on gen_statem; see machines.c, which plays them on troupe.
-module(machines).
-behaviour(gen_statem).
-export([init/1,callback_mode/0,handle_event/4,main/0,terminate/3]).
callback_mode() -> [handle_event_function, state_enter].
init({Init,Script}) -> put(out,[]), put(script,Script), put(seen,#{}), 
  {NS,As} = acts(s1,Init), {ok, NS, [], As}.
say(F,A) -> put(out,[io_lib:format(F,A)|get(out)]).
handle_event(enter, Old, St, D) -> say("~s\\~s ",[St,Old]), {keep_state, D};
handle_event({call,F},get,_,_) -> {keep_state_and_data,[{reply,F,lists:flatten(lists:reverse(get(out)))}]};
handle_event(info, {timeout,_,_}, _, D) -> say("OTPBUG",[]), {keep_state,D};
handle_event(_, N, St, D) -> say("~s@~s ",[N,St]),
  Acts = case maps:get(N, get(script), undefined) of undefined -> []; {A,B} -> case maps:is_key(N,get(seen)) of true -> B; false -> put(seen,(get(seen))#{N=>1}), A end end,
  {NS,As} = acts(none,Acts), Rep = lists:member("rep",Acts),
  case NS of none when Rep -> {repeat_state,D,As}; none -> {keep_state,D,As}; _ when NS =:= St, Rep -> {repeat_state,D,As}; _ -> {next_state,NS,D,As} end.
terminate(_,_,_) -> ok.
acts(S0,L) -> lists:foldl(fun(W,{S,As}) -> case W of
   "post" -> {S,As++[postpone]}; "rep" -> {S,As}; 
   ">"++N -> {list_to_atom(N),As}; "+"++X -> {S,As++[{next_event,internal,X}]};
   [K|R] -> T = case K of $s -> state_timeout; $e -> timeout; _ -> {timeout,K} end,
     case R of "-" -> {S,As++[{T,cancel}]}; "*:"++X -> {S,As++[{T,update,X}]}; "F:"++X -> {S,As++[{T,infinity,X}]};
       _ -> [Ms,X]=string:split(R,":"), {S,As++[{T,scale()*list_to_integer(Ms),X}]} end end end,{S0,[]},L).
%% TROUPE_OTP_SCALE makes all times longer, for a machine too busy to keep the short ones.
scale() -> list_to_integer(os:getenv("TROUPE_OTP_SCALE", "1")).
%% All at once: each takes its time, which is long for a loaded machine.
main() ->
    Runs = [spawn_monitor(fun() -> exit({said, perform(L)}) end) || L <- lines()],
    [receive {'DOWN', R, _, _, {said, T}} -> io:format("~s~n", [T]);
             {'DOWN', R, _, _, Why} -> io:format("broken ~p~n", [Why]) end || {_, R} <- Runs],
    halt(0).
lines() -> case io:get_line("") of eof -> []; "#" ++ _ -> lines();
    L -> [string:trim(L, trailing, "\n") | lines()] end.
%% The messages wait in the mailbox before the first is handled.
perform(Line) ->
    [I, N, S] = string:split(Line, "|", all),
    Sc = maps:from_list([begin [A, B, C] = string:split(X, "=", all),
                         {A, {string:lexemes(B, " "), string:lexemes(C, " ")}} end
                         || X <- string:lexemes(S, ";")]),
    {ok, P} = gen_statem:start(?MODULE, {string:lexemes(I, " "), Sc}, []),
    erlang:suspend_process(P), [P ! X || X <- string:lexemes(N, " ")], erlang:resume_process(P),
    timer:sleep(900 * scale()),
    gen_statem:call(P, get).
