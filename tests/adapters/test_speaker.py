from overnight.adapters.speaker import Speaker


def test_a_line_says_who_speaks(capsys):
    Speaker(True).say("by Sat")
    assert capsys.readouterr().out == "overnight: by Sat\n"


def test_what_was_said_is_not_said_again(capsys):
    speaker = Speaker(True)
    speaker.once("left out")
    speaker.once("left out")
    assert capsys.readouterr().out.count("left out") == 1


def test_of_several_processes_one_speaks(capsys):
    Speaker(False).say("by Sat")
    assert capsys.readouterr().out == ""
