%% The pizza service with gen_tcp: a process a connection, active once, lines.
%% Usage: pizza:main([Port]); it prints "listening on PORT".
-module(pizza).
-export([main/1]).

main([Text]) ->
    {ok, Listener} = gen_tcp:listen(list_to_integer(Text),
                                    [binary, {packet, line}, {active, false}, {reuseaddr, true},
                                     {nodelay, true}, {backlog, 4096}, {ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listener),
    io:format("listening on ~b~n", [Port]),
    accept(Listener).

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Guest = spawn(fun() -> receive seated -> serve(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Guest),
    Guest ! seated,
    accept(Listener).

serve(Socket) ->
    ok = inet:setopts(Socket, [{active, once}]),
    receive
        {tcp, Socket, Line} ->
            ok = gen_tcp:send(Socket, answer(Line)),
            serve(Socket);
        _ ->
            gen_tcp:close(Socket)
    end.

answer(Line) ->
    try binary_to_integer(string:trim(Line)) of
        N -> [<<"Thank you for ordering ">>, integer_to_binary(N), <<" pizzas!\n">>]
    catch
        error:badarg -> <<"Wrong number of pizzas, please try again\n">>
    end.
