#!/usr/bin/python3
"""Records what the real engines answer, for engine/jinja/testdata.

Run by hand, with Jinja2 and ansible-core 2.14 from the distribution:
    /usr/bin/python3 scripts/record-jinja.py engine/jinja/testdata
"""
import json
import sys

import jinja2
from jinja2 import StrictUndefined
from jinja2.nativetypes import NativeEnvironment

VARS = {
    "d": {"a": 1, "b": {"c": {"x": "y"}}}, "l": [1, 2, 3], "s": "hello",
    "objs": [{"n": "a", "k": 1}, {"n": "b", "k": 2}, {"n": "c", "k": 1}],
    "nested": [[1, 2], [3]], "big": 9007199254740993, "f": 1.5, "five": 5, "yes": True, "nul": None,
    "num": "5", "liststr": "[1, 2]", "dictstr": "{'a': 1}", "jsonstr": '{"a": true, "b": null}', "truestr": "True",
    "users": [{"name": "alice", "groups": ["wheel", "adm"]}, {"name": "bob", "groups": []}],
    "text": "line one\nline two\n\nline four", "res": {"changed": True, "failed": False, "rc": 0}, "tree": [{"n": 1, "c": [{"n": 2, "c": []}]}],
}

NATIVE = r"""
-2 ** 2
2 ** -2
1.0 // 0.3
-7.5 % 2
7 % -3
True + True
'%5s|%-5s|' % ('a', 'b')
'%x %X %o %e' % (255, 255, 8, 12345.678)
'%(a)s' % d
'%r' % 'x'
'%s %s' % 'x'
'%s' % 1, 2
'{:>5}|{:<5}|{:^5}'.format('a', 'b', 'c')
'{0}{1}{0}'.format('a', 'b')
'{a}'.format(a=1)
'{:05.2f}'.format(3.14159)
'{:,}'.format(1234567)
'{:x}'.format(255)
'{:08b}'.format(5)
'{!r}'.format('a')
'{0[a]}'.format(d)
'{:.3}'.format('abcdef')
'{:e}'.format(12345.6789)
'{:.1%}'.format(0.256)
'{:+d}'.format(5)
'{'.format()
'a,b,,c'.split(',')
'a,b,c'.rsplit(',', 1)
' a b  c '.split(none, 1)
'abc'.find('z')
'abc'.index('z')
'a.b.c'.rpartition('.')
'hello world'.title()
"they're bill's".title()
"they're bill's" | title
'hello-world foo' | title
'Hello'.swapcase()
'a'.ljust(3) ~ '|'
'a'.center(4, '*')
'-5'.zfill(4)
'abc'.isalpha()
'a1'.isalnum()
''.isdigit()
'a\tb'.expandtabs(4)
'xyx'.strip('x')
'abc'[5:]
'abc'[-2:]
'abc'[::2]
'abcdef'[4:1:-1]
l[::2]
l[5:]
l[:2][1]
'é'.encode('utf-8') | length
'abc' in 'xabcx'
1 in 'a'
'a' in 5
5 in d
l == [1, 2, 3]
(1, 2) == [1, 2]
{'a': 1} == {'a': 1.0}
'a' < 1
none < 1
l < 5
1 == true
1 is true
1 is boolean
1 is sameas true
none is sameas none
l is sameas l
[] is sameas []
d is defined and d.q is not defined
d.a.b.c
nul.foo
s[0][0]
s[10]
l['a']
l.foo
d['a']['b']
d.items
'a' | indent
text | indent
text | indent(2, true)
text | indent(2, false, true)
text | indent('> ')
'foo bar baz qux' | truncate(9)
'foo bar baz qux' | truncate(9, true)
'foo bar baz qux' | truncate(11)
'foo bar baz qux' | truncate(9, leeway=0)
'foo bar baz qux' | wordwrap(7)
'averyveryverylongword x' | wordwrap(6)
'a-b c-d e-f' | wordwrap(5)
'<p>a <b>c</b>  d</p>' | striptags
'a&b "c"' | escape
{'a': 'x y', 'b': 1} | urlencode
'a b&c/d' | urlencode
1000 | filesizeformat
1500000 | filesizeformat
1024 | filesizeformat(true)
1 | filesizeformat
2.5 | round
3.5 | round
2.675 | round(2)
1234 | round(-2)
2.1 | round(0, 'ceil')
-2.5 | round
5 | round
'12' | round
'abc' | float
'1e3' | float
'1e3' | int
' 12 ' | int
'1_000' | int
none | int
l | int
'0b11' | int(base=2)
'ff' | int(base=16)
true | float
l | batch(2, 'x') | list
range(10) | slice(3) | list
range(10) | slice(3, 'x') | list
[3, 'a'] | sort
['b', 'a', 'C'] | sort
['b', 'a', 'C'] | sort(case_sensitive=true)
['A', 'a', 'b'] | unique | list
['A', 'a', 'b'] | unique(true) | list
objs | sort(attribute='k') | map(attribute='n') | list
objs | sort(attribute='k', reverse=true) | map(attribute='n') | list
objs | max(attribute='k')
objs | min(attribute='k')
['a', 'B'] | max
[1, 'a'] | max
objs | groupby('k') | map(attribute='list') | list
objs | groupby('z', default=0) | list
objs | sum('k')
['a', 'b'] | sum
[] | sum
objs | map(attribute='n') | join('+')
objs | join('+', attribute='n')
objs | map('dictsort') | list
objs | map('nosuch') | list
objs | select('nosuch') | list
objs | selectattr('k', 'gt', 1) | list
objs | selectattr('k') | list | length
objs | rejectattr('k', 'odd') | list
l | map('multiply') | list if false else 2
[[1, 'b'], [2, 'a']] | sort(attribute=1)
[[1, 'b'], [2, 'a']] | map(attribute='1') | list
{'b': 1, 'a': 2} | dictsort(by='value')
{'b': 1, 'A': 2} | dictsort
{'b': 1, 'A': 2} | dictsort(true)
5 | dictsort
'abc' | dictsort
d | items | list
5 | items
'x' | length
5 | length
5 | list
l | first | string
l | join(', ') | upper
s | center(11)
'a b c' | replace(' ', '')
'aaa' | replace('a', 'b', 2)
5 | replace('5', '6')
'x' | attr('upper')
d | attr('a')
d | attr('keys') is callable
{'class': 'a', 'id': none, 'n': 1} | xmlattr
'a' | tojson
{'b': 1, 'a': '<x>'} | tojson
'é' | tojson
[1.0, none] | tojson
{'a': 1} | tojson(2)
'Hello' is lower
'hello' is lower
'HELLO' is upper
5 is divisibleby 5
5 is divisibleby(2)
'5' is divisibleby 2
1.0 is integer
range is callable
s is callable
l is mapping
s is iterable
5 is iterable
5 is sequence
s is eq 'hello'
5 is gt 3
5 is ge 5 and 5 is le 5
5 is ne 5
5 is in l
5 is not in l
'upper' is filter
'nosuch' is filter
'odd' is test
5 is odd is even
x is defined is defined
missing | default(missing2)
missing | default(missing2) | default('x')
missing.a
missing['a']
missing | upper
missing == 1
missing is none
not missing
[missing]
[missing] | length
missing | length
missing | list
missing | items | list
'a' ~ missing
'%s' % missing
missing()
missing in l
'a' in missing
missing or 1
1 or missing
false and missing
d.get('zz') is none
d.get('a', missing)
d.keys() | sort
d.values() | list | length
d.items() | sort | first | first
dict(a=1, b=2).items() | list
dict([['a', 1]])
dict(5)
dict(['ab'])
dict(a=1, **{'b': 2})
'{}{}'.format(*['a', 'b'])
range(5, 0, -2) | list
range(0)  | list
range(1, 2, 0)
range('a')
namespace(a=1, b=2).b
cycler(1, 2).next()
joiner(',')()
lipsum(n=1) is string
[].append(1)
[1].pop()
[].pop()
[3, 1, 2].sort()
{'a': 1}.pop('b')
{'a': 1}.pop('b', 2)
{'a': 1}.setdefault('a', 5)
l.index(9)
l.count(1)
(1, 2).count(1)
(1, 2).append(1)
l.nosuch()
s.join(l)
'-'.join(['a', 'b'])
1 if 2 if 3 else 4 else 5
1 if false
(1 if false) is defined
(1 if false) | default('x')
{'a': 1, 'a': 2}
{1: 'a'}[1]
{none: 1}
{l: 1}
[1, 2][true]
'a' 'b' 'c'
'\x41\u0042\101'
'\d\w'
'a\
b'
"\""
1.5e3
0b101
0o17
1__0
08
1.
.5
a.1
'unclosed
"a" if
1 +
(1
[1
{'a'
{'a': }
1 2
l[
l[]
l[1:2:3:4]
f(
x |
x is
foo(a=1, 2)
foo(*l, *l)
not
and
~ 1
@
$
a b
1 // 0
1.5 // 0
1 % 0.0
2 ** 0.5
0 ** -1
'a' - 'b'
[1] - [1]
[1] + (1,)
(1,) + [1]
'a' + 1
1 + 'a'
'a' * 'b'
[1] * -1
[1] * 1.5
-'a'
+'a'
+true
none ~ none
true ~ 1.0
1e100
1e22 | string
123456789.123456789
0.1
1e-7
-0.0
1 < 2 > 1
1 < 2 == true
1 == 1 == 1
'a' not in 'b' not in 'c'
1 + 2 ~ 3 + 4
2 * 3 ~ 4
-1 | abs
(-1) | abs
-1.5 | abs
'a' | abs
not 1 == 2
not 1 in [2]
1 and 0 or 3
'' or none or 'x'
s | upper | lower | title
s.upper().lower().title()
s|upper()|length
s | default
s | d('x')
'a.b' | replace('.', '-') | upper
l | random in l
[1,2,3] | reverse | first
'x' | wordcount
'foo bar-baz' | wordcount
'http://a.b/c' | urlize
[['a', 1]] | map('last') | list
l | map('string') | map('length') | list
['1', '2'] | map('int') | sum
[1, 2] | map('pow', 2) | list if false else 1
['a', none, ''] | select | list
['a', none, ''] | reject | list
[1, 2, 3] | select('>', 1) | list
[1, 2, 3] | select('divisibleby', 2) | list
objs | map(attribute='n', default='z') | list
objs | map(attribute='q.r', default='z') | list
objs | map(attr='n') | list
"""

TEMPLATES = [
    "a{% if true %}\nb\n{% endif %}\nc", "  {% if true %}  \n  x\n  {% endif %}\n", "{%- if true -%} a {%- endif -%} b",
    "x\n{%+ if true %}y{% endif +%}\nz", "{# c #}\na{# d -#}  b", "{% raw %}{{ x }}{% endraw %}", "{% raw -%}\n {{ x }} \n{%- endraw %}|",
    "{% for i in l %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}", "{% for i in [] %}x{% else %}none{% endfor %}",
    "{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.length }} {% endfor %}",
    "{% for i in l %}{{ loop.previtem|default('-') }}{{ loop.nextitem|default('-') }} {% endfor %}",
    "{% for i in [1,1,2] %}{{ loop.changed(i) }} {% endfor %}", "{% for i in l %}{{ loop.cycle('a','b') }}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for a, b in [[1]] %}{% endfor %}", "{% for a, b in [[1,2,3]] %}{% endfor %}",
    "{% for i in l if i > 1 %}{{ loop.index }}:{{ i }} {% endfor %}", "{% for i in l if i > 5 %}x{% else %}none{% endfor %}",
    "{% for t in tree recursive %}{{ t.n }}[{{ loop(t.c) }}]{{ loop.depth }}{% endfor %}",
    "{% set x = 1 %}{% for i in l %}{% set x = i %}{% endfor %}{{ x }}", "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set x %}a{{ s }}{% endset %}[{{ x }}]", "{% set x | upper %}abc{% endset %}{{ x }}",
    "{% if true %}{% set x = 5 %}{% endif %}{{ x }}", "{% if false %}{% set x = 5 %}{% endif %}{{ x is defined }}",
    "{% set o = [] %}{% for i in l %}{% set _ = o.append(i * 2) %}{% endfor %}{{ o }}", "{% set o = {} %}{% for i in objs %}{% set _ = o.update({i.n: i.k}) %}{% endfor %}{{ o }}",
    "{% set o = [1] %}{% set p = o %}{% set _ = p.append(2) %}{{ o }} {{ p|length }}", "{% set o = {'a': []} %}{% set _ = o.a.append(1) %}{{ o }}",
    "{% set o = {} %}{% set _ = o.setdefault('k', []).append(1) %}{% set _ = o.setdefault('k', []).append(2) %}{{ o }}",
    "{% set o = [3,1,2] %}{% set _ = o.sort() %}{{ o }}{% set _ = o.reverse() %}{{ o }}{% set _ = o.pop() %}{{ o }}{% set _ = o.insert(0, 9) %}{{ o }}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=5, a=4) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, x=2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}", "{% macro m() %}x{% endmacro %}{{ m(1) }}", "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}hi{% endcall %}",
    "{% macro m() %}{{ caller(5) }}{% endmacro %}{% call(x) m() %}<{{ x }}>{% endcall %}", "{% filter upper %}abc{{ s }}{% endfilter %}",
    "{% with a=1, b=2 %}{{ a + b }}{% endwith %}", "{% with %}{% set q = 1 %}{% endwith %}{{ q is defined }}", "{% include 'inc' %}", "{% set v = 3 %}{% include 'incv' %}",
    "{% include 'nosuch' ignore missing %}ok", "{% include 'nosuch' %}", "{% include ['nosuch', 'inc'] %}", "{% include 'incs' without context %}",
    "{% for i in l %}{% include 'inci' %}{% endfor %}", "{% import 'mac' as m %}{{ m.hi('x') }} {{ m.v }}", "{% from 'mac' import hi as h, v %}{{ h('y') }}{{ v }}",
    "{% from 'mac' import nope %}{{ nope is defined }}", "{% extends 'base' %}{% block a %}A{{ super() }}{% endblock %}", "{% extends 'base' %}ignored{% block b %}B{% endblock %}",
    "{% block a %}x{% endblock %}", "{{ 1, 2 }}", "{{ none }}", "{{ true }}", "{{ 1.0 }}", "{{ [1, 'a', none] }}", "{{ {'a': 'b'} }}", "{{ 'a' }}{{ \"b'c\" }}", "{{ ['a\\nb'] }}",
    "{{ missing }}", "{{ d.missing }}", "{{ }}", "{% %}", "{{ 1", "{% if true %}", "{% endif %}", "{% for %}", "{% nosuch %}", "{% if true %}{% endfor %}", "{# x", "{% raw %}",
    "{{ s | nosuch }}", "{% if false %}{{ s | nosuch }}{% endif %}ok", "{{ s is nosuch }}", "a\n", "a\n\n", "\na", "{{ s }}\n", "a\r\nb\r\n", "{{ '}}' }}", "{{ {'a': {'b': 1}}['a']['b'] }}",
    "  {{ s }}  ", "{{- s -}}  x", "x  {{- s }}", "\n\n{%- if true %}\n\n  a\n{%- endif %}\n\nb", "{% if l %}\n  {% for i in l %}\n    {{ i }}\n  {% endfor %}\n{% endif %}\nend\n",
    "{% if false %}a{% elif 1 %}b{% else %}c{% endif %}", "{% for i in l %}{% for j in l %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
    "{% for c in 'abc' %}{{ c }}.{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for i in 5 %}{% endfor %}", "{% for i in missing %}{% endfor %}", "{% set x = missing %}{{ x is defined }}",
    "{% set loop = 1 %}{{ loop }}", "{{ text | indent(2) }}", "{%for i in l%}{{i}}{%endfor%}", "{% for g in objs|groupby('k') %}{{ g.grouper }}:{{ g.list|length }} {% endfor %}",
    "{% if x is defined %}{{ x }}{% endif %}y", "{{ self is defined }}", "{% set f = s.upper %}{{ f() }}", "{% autoescape false %}{{ '<' }}{% endautoescape %}",
    "{% for i in range(3) -%}\n  {{ i }}\n{%- endfor %}", "{% for i in l %}\n{{ i }}\n{% endfor %}\n", "    {# c #}\n  x\n", "a {%- raw %} b {% endraw -%} c",
]
LOADED = {"inc": "[{{ s }}]\n", "incv": "{{ v }}", "inci": "{{ i }}{{ loop.index is defined }}", "incs": "{{ s is defined }}", "mac": "{% macro hi(x) %}hi {{ x }}{% endmacro %}{% set v = 7 %}",
          "base": "<{% block a %}a{% endblock %}|{% block b %}b{% endblock %}>"}

ANSIBLE = r"""
{{ five }}
{{ 5 }}
{{ five + 1 }}
{{ yes }}
{{ true }}
{{ not yes }}
{{ nul }}
{{ none }}
a{{ nul }}b
{{ num }}
{{ liststr }}
{{ dictstr }}
{{ jsonstr }}
{{ truestr }}
{{ 'true' }}
{{ l }}
{{ d }}
{{ d | to_json }}
{{ d | to_nice_json }}
{{ d | string }}
{{ l | join(',') }}
{{ l }}{{ l }}
x{{ l }}
{{ l }}
{{ s }} world
[{{ five }}, 2]
[{{ s }}]
{ "a": {{ five }} }
{{ f }}
{{ big }}
{{ '' }}
{{ 'a\nb' }}
{{ 'a\tb' | length }}
{% set x = 'a\tb' %}{{ x | length }}
{{ s | regex_replace('(h)(e)', '\\2\\1') }}
{{ s | regex_replace('(h)(e)', '\2\1') }}
{{ s | regex_replace('^h', 'j') }}
{{ s | regex_replace('$', '!') }}
{{ s | regex_replace('l*', '-') }}
{{ s | regex_replace('(?P<x>l+)', '<\\g<x>>') }}
{{ 'Foo' | regex_replace('f', 'b', ignorecase=true) }}
{{ s | regex_search('l+') }}
{{ s | regex_search('z+') }}
{{ s | regex_search('(h)(.)', '\\1', '\\2') }}
{{ s | regex_search('(?P<a>l)', '\\g<a>') }}
{{ s | regex_findall('l') }}
{{ s | regex_findall('(l)(.)') }}
{{ 'a1b22' | regex_findall('[a-z]\d+') }}
{{ 'foo.bar' | regex_replace('\.', '-') }}
{{ 'a.b*c' | regex_escape }}
{{ s | regex_replace('(', 'x') }}
{{ 'foobar' | regex_replace('foo(?=bar)', 'X') }}
{{ s is match('he') }}
{{ s is match('el') }}
{{ s is search('el') }}
{{ s is regex('^h.*o$') }}
{{ '1.10' is version('1.9', '>') }}
{{ '1.2.3' is version('1.2', 'ge') }}
{{ '1.0.0' is version('1.0.0-rc1', '>', version_type='semver') }}
{{ 'a' is version('b', 'xx') }}
{{ '1.2' is version('1.2') }}
{{ d | combine({'z': 1}) }}
{{ d | combine({'b': {'q': 1}}, recursive=true) }}
{{ {'a': [1]} | combine({'a': [2]}, list_merge='append') }}
{{ {'a': [1]} | combine({'a': [2]}, list_merge='prepend') }}
{{ {'a': [1,2]} | combine({'a': [2,3]}, list_merge='append_rp') }}
{{ {'a': [1]} | combine({'a': [2]}, list_merge='zz') }}
{{ [{'a': 1}, {'b': 2}] | combine }}
{{ d | combine(5) }}
{{ d | combine({'a': missing}) }}
{{ {'a': 1} | dict2items }}
{{ {'a': 1} | dict2items(key_name='k', value_name='v') }}
{{ l | dict2items }}
{{ [{'key': 'a', 'value': 1}] | items2dict }}
{{ [{'k': 'a'}] | items2dict }}
{{ [1, [2, [3, [4]]]] | flatten }}
{{ [1, [2, [3, [4]]]] | flatten(levels=1) }}
{{ [1, none, [2]] | flatten }}
{{ [1, none] | flatten(skip_nulls=false) }}
{{ [1,2,2] | union([3,2]) }}
{{ [1,2,2] | difference([2]) }}
{{ [1,2,2] | intersect([2,3]) }}
{{ [1,2] | symmetric_difference([2,3]) }}
{{ [1,2,1] | unique }}
{{ ['a','A'] | unique }}
{{ [[1],[1]] | unique }}
{{ 'a' | mandatory }}
{{ missing | mandatory }}
{{ missing | default('x') }}
{{ missing.a.b | default('x') }}
{{ missing['a'].b is defined }}
{{ missing }}
{{ d.x.y.z | default('q') }}
{{ yes | ternary('a', 'b') }}
{{ nul | ternary('a', 'b', 'c') }}
{{ nul | ternary('a', 'b') }}
{{ 'yes' | bool }}
{{ 'no' | bool }}
{{ '1' | bool }}
{{ 'foo' | bool }}
{{ 1 | bool }}
{{ 2 | bool }}
{{ nul | bool }}
{{ 'a b' | quote }}
{{ "it's" | quote }}
{{ '' | quote }}
{{ 'safe-1.txt' | quote }}
{{ s | b64encode }}
{{ 'aGVsbG8=' | b64decode }}
{{ 5 | b64encode }}
{{ s | hash }}
{{ s | hash('sha256') }}
{{ s | hash('nosuch') }}
{{ s | md5 }}
{{ s | sha1 }}
{{ s | checksum }}
{{ '/a/b/c.txt' | basename }}
{{ '/a/b/c.txt' | dirname }}
{{ '/a/b/' | basename }}
{{ 'x' | dirname }}
{{ '/a/b/c.tar.gz' | splitext }}
{{ '.bashrc' | splitext }}
{{ ['/a', 'b', 'c'] | path_join }}
{{ ['a', '/b'] | path_join }}
{{ ['/a/b/c', '/a/b/d'] | commonpath }}
{{ '/a/b/c' | relpath('/a/d') }}
{{ s | comment }}
{{ s | comment('c') }}
{{ text | comment('cblock') }}
{{ text | comment(decoration='## ') }}
{{ s | comment('xml', prefix_count=2) }}
{{ 'a' | extract({'a': 5}) }}
{{ 'a' | extract({'a': {'b': 6}}, 'b') }}
{{ [0, 1] | map('extract', ['x', 'y']) | list }}
{{ users | subelements('groups') }}
{{ users | subelements('nope') }}
{{ users | subelements('nope', skip_missing=true) }}
{{ [1,2] | product(['a']) | list }}
{{ [1,2,3] | permutations(2) | list }}
{{ [1,2,3] | combinations(2) | list }}
{{ [1,2] | zip(['a','b']) | list }}
{{ [1,2] | zip(['a']) }}
{{ [1,2] | zip_longest(['a'], fillvalue='-') | list }}
{{ 1048576 | human_readable }}
{{ 1000 | human_readable(isbits=true) }}
{{ 10240 | human_readable(unit='K') }}
{{ '1 MB' | human_to_bytes }}
{{ '10G' | human_to_bytes }}
{{ '512' | human_to_bytes(default_unit='K') }}
{{ '1 Mb' | human_to_bytes(isbits=true) }}
{{ 'foo' | human_to_bytes }}
{{ 8 | log(2) }}
{{ 100 | log(10) }}
{{ 2 | pow(3) }}
{{ 9 | root }}
{{ 27 | root(3) }}
{{ 'x' | log }}
{{ users | rekey_on_member('name') }}
{{ users | rekey_on_member('nope') }}
{{ l | type_debug }}
{{ missing | type_debug }}
{{ d | type_debug }}
{{ nul | type_debug }}
{{ ('2024-01-02 03:04:05' | to_datetime).year }}
{{ (('2024-01-02 00:00:00' | to_datetime) - ('2024-01-01 12:00:00' | to_datetime)).total_seconds() }}
{{ ('2024-03-01' | to_datetime('%Y-%m-%d')) }}
{{ '%Y-%m-%d' | strftime(0, utc=true) }}
{{ '%H:%M %j %A' | strftime(86400, utc=true) }}
{{ '%Y' | strftime('x') }}
{{ s | to_uuid }}
{{ 'http://u:p@example.com:80/a/b?q=1#f' | urlsplit }}
{{ 'http://u:p@example.com:80/a/b?q=1#f' | urlsplit('hostname') }}
{{ 'http://x/' | urlsplit('nope') }}
{{ 'a%20b+c' | urldecode }}
{{ 'a,b' | split(',') }}
{{ 'a b  c' | split }}
{{ 'a,b' | split(',') | first }}
{{ d | to_yaml }}
{{ d | to_nice_yaml }}
{{ users | to_nice_yaml }}
{{ users | to_nice_yaml(indent=2) }}
{{ users | to_yaml }}
{{ l | to_yaml }}
{{ s | to_yaml }}
{{ {'a': 'yes', 'b': '1', 'c': 'x: y', 'd': '', 'e': none, 'f': true, 'g': 1.5, 'h': '- x', 'i': '#c'} | to_nice_yaml }}
{{ {'b': 1, 'a': 2} | to_nice_yaml(sort_keys=false) }}
{{ {'x': [], 'y': {}} | to_nice_yaml }}
{{ 'a: 1\nb: [x]' | from_yaml }}
{{ 'a: 1' | from_yaml }}
{{ '[1, 2' | from_yaml }}
{{ '{"a": [1, null]}' | from_json }}
{{ '{a' | from_json }}
{{ {'b': 1, 'a': [1, 'é']} | to_json }}
{{ {'b': 1, 'a': 2} | to_json(sort_keys=true) }}
{{ {'b': 1, 'a': [1, {}]} | to_nice_json }}
{{ {'b': 1} | to_nice_json(indent=2) }}
{{ [] | to_nice_json }}
{{ {'a': {1, 2}} | to_json }}
{{ res is changed }}
{{ res is failed }}
{{ res is succeeded }}
{{ res is skipped }}
{{ 5 is failed }}
{{ [true, false] is any }}
{{ [true, false] is all }}
{{ [1] is subset([1, 2]) }}
{{ [1, 2] is superset([1]) }}
{{ l is contains(2) }}
{{ 'yes' is truthy }}
{{ 'no' is truthy(convert_bool=true) }}
{{ '' is falsy }}
{{ 'http://x/' is url }}
{{ 'urn:x' is urn }}
{{ '/x' is abs }}
{{ 5 is nan }}
{{ ['a', 'b'] | map('upper') }}
{{ range(3) }}
{{ d.keys() }}
{{ users | map(attribute='name') | list }}
{{ users | selectattr('groups') | map(attribute='name') }}
{{ s | ansible.builtin.regex_replace('l', 'L') }}
{{ s | nosuch.filter }}
{{ [3,1] | min }}
{{ users | json_query('x') if false else 'n' }}
{{ 'a' ~ five }}
{{ five }}{{ five }}
{% if yes %}x{% endif %}
{% if yes %}{{ five }}{% endif %}
{% for i in l %}{{ i }}{% endfor %}
{{ [1, 2] }} 
 {{ [1, 2] }}
{{ "{'a': 1}" }}
{{ '[1' }}
{{ '{{' }}
{{ 'True' }}
{{ 'None' }}
{{ "('a', 1)" }}
{{ (1, 2) }}
{{ [(1, 2)] }}
{{ "[true, null]" }}
{{ 1.0 }}
{{ 10 / 4 }}
{{ 7 // 2 }}
{{ undef(hint='h') }}
{{ omit | default('x') }}
#jinja2: variable_start_string: '[%', variable_end_string: '%]'
plain text
{{ five | int }} items
{{ 'x' if five == 5 else 'y' }}
{{ five if true }}
{{ l[0] }}
{{ l[9] }}
{{ l[9] | default('none') }}
{{ s.upper() }}
{{ d['b']['c'].x }}
{{ '\\' }}
{{ 'a\\b' }}
{{ "a\"b" }}
"""


def plain(v):
    if isinstance(v, (bytes,)):
        return "BYTES"
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (str, int, float, type(None))):
        return v
    if isinstance(v, (list, tuple, set)) or hasattr(v, "__iter__"):
        return [plain(x) for x in v]
    return str(v)


def fresh():
    return json.loads(json.dumps(VARS))


def outcome(expr, fn, **extra):
    try:
        value = plain(fn())
        json.dumps(value)
        return dict(expr=expr, outcome="ok", value=value, **extra)
    except Exception as e:  # noqa: BLE001 every refusal is recorded
        return dict(expr=expr, outcome="err", value=("%s: %s" % (type(e).__name__, e)).split("\n")[0][:200], **extra)


def native():
    env = NativeEnvironment(undefined=StrictUndefined)

    def run(src):
        v = env.compile_expression(src, undefined_to_none=False)(**fresh())
        if isinstance(v, jinja2.Undefined):
            raise Exception("undefined")
        return v
    return [outcome(src, lambda: run(src)) for src in NATIVE.strip("\n").split("\n")]


def templates():
    out = []
    for trim, lstrip, keep in ((False, False, False), (True, False, True), (True, True, True)):
        env = jinja2.Environment(undefined=StrictUndefined, trim_blocks=trim, lstrip_blocks=lstrip, keep_trailing_newline=keep,
                                 loader=jinja2.DictLoader(LOADED), extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
        for src in TEMPLATES:
            out.append(outcome(src, lambda: env.from_string(src).render(**fresh()), trim_blocks=trim, lstrip_blocks=lstrip, keep_trailing_newline=keep))
    return out


def ansible():
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar
    out = []
    for src in ANSIBLE.strip("\n").split("\n"):
        out.append(outcome(src, lambda: Templar(DataLoader(), variables=fresh()).template(src)))
    for src in TEMPLATES:
        if "include" not in src and "import" not in src and "extends" not in src:
            out.append(outcome(src, lambda: Templar(DataLoader(), variables=fresh()).template(src)))
    return out


def main():
    where = sys.argv[1]
    for name, cases, about in (("native", native(), "Expressions"), ("templates", templates(), "Whole templates"), ("ansible", ansible(), "Playbook strings, as ansible-core 2.14 turns them into values,")):
        with open("%s/%s.json" % (where, name), "w") as f:
            f.write('{"about": %s,\n"vars": %s,\n"templates": %s,\n"cases": [\n' % (
                json.dumps(about + " recorded by scripts/record-jinja.py."), json.dumps(VARS), json.dumps(LOADED)))
            f.write(",\n".join(json.dumps(c) for c in cases))
            f.write("\n]}\n")


main()
