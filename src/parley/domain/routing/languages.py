"""Which languages are official where: what is assumed of a caller with whom nobody has spoken yet.

The Unicode Common Locale Data Repository, release 47, supplemental data, `territoryInfo`: the languages that are
official or de facto official in the whole of a country, the one most people speak first. Languages official only in
a region of it are left out. A library for this would be megabytes of locales for one table.
"""

from __future__ import annotations

from parley.domain.phone_numbers import country_of
from parley.domain.routing.facts import shown_number

_OFFICIAL = """
AD:ca AE:ar AF:fa,ps AG:en AI:en AL:sq AM:hy AO:pt AR:es AS:sm,en AT:de AU:en AW:nl,pap AX:sv AZ:az BA:bs,hr,sr BB:en
BD:bn BE:nl,fr,de BF:fr BG:bg BH:ar BI:rn,fr,en BJ:fr BL:fr BM:en BN:ms BO:es,qu,ay BQ:nl BR:pt BS:en BT:dz BW:en,tn
BY:be,ru BZ:en CA:en,fr CC:en CD:fr CF:sg,fr CG:fr CH:de,gsw,fr,it CI:fr CK:en CL:es CM:fr,en CN:zh CO:es CQ:en CR:es
CU:es CV:pt CW:pap,nl CX:en CY:el,tr CZ:cs DE:de DG:en DJ:fr,ar DK:da DM:en DO:es DZ:ar,fr EA:es EC:es,qu EE:et EG:ar
EH:ar ER:ti,en,ar ES:es ET:am FI:fi,sv FJ:en,hif,fj FK:en FM:en FO:fo FR:fr GA:fr GB:en GD:en GE:ka GF:fr GG:en GH:en
GI:en GL:kl GM:en GN:fr GP:fr GQ:es,fr,pt GR:el GS:en GT:es GU:en,ch GW:pt GY:en HK:zh,en HN:es HR:hr HT:ht,fr HU:hu
IC:es ID:id IE:en,ga IL:he,ar IM:en,gv IN:hi,en IO:en IQ:ar IR:fa IS:is IT:it JE:en JM:en JO:ar JP:ja KE:sw,en
KG:ky,ru KH:km KI:en,gil KM:ar,zdj,wni,fr KN:en KP:ko KR:ko KW:ar KY:en KZ:ru,kk LA:lo LB:ar LC:en LI:de,gsw LK:si,ta
LR:en LS:st,en LT:lt LU:fr,lb,de LV:lv LY:ar MA:ar,fr,tzm MC:fr MD:ro ME:sr MF:fr MG:mg,fr,en MH:en,mh MK:mk ML:fr
MM:my MN:mn MO:zh,yue,pt MP:en MQ:fr MR:ar MS:en MT:mt,en MU:fr,en MV:dv MW:en,ny MX:es MY:ms MZ:pt NA:en NC:fr NE:fr
NF:en NG:en,yo NI:es NL:nl NO:nb,no,nn NP:ne NR:en,na NU:en,niu NZ:en,mi OM:ar PA:es PE:es,qu PF:fr,ty PG:tpi,en,ho
PH:en,fil PK:ur,en PL:pl PM:fr PN:en PR:es,en PS:ar PT:pt PW:pau,en PY:gn,es QA:ar RE:fr RO:ro RS:sr RU:ru RW:rw,en,fr
SA:ar SB:en SC:fr,en SD:ar,en SE:sv SG:en,zh,ms,ta SH:en SI:sl SJ:nb SK:sk SL:en SM:it SN:wo,fr SO:so,ar SR:nl SS:en
ST:pt SV:es SX:en,nl SY:ar SZ:en,ss TC:en TD:ar,fr TG:fr TH:th TJ:tg TK:tkl,en TL:pt,tet TM:tk TN:ar,fr TO:to,en TR:tr
TT:en TV:tvl,en TW:zh,nan,hak TZ:sw,en UA:uk,ru UG:sw,en UM:en US:en UY:es UZ:uz VA:it VC:en VE:es VG:en VI:en VN:vi
VU:bi,en,fr WF:fr WS:sm,en XK:sq,sr YE:ar YT:fr ZA:en ZM:en ZW:sn,en,nd
"""
_LANGUAGES = {country: tuple(codes.split(",")) for country, codes in (entry.split(":") for entry in _OFFICIAL.split())}


def languages_of(caller: str) -> tuple[str, ...]:
    """Language tags like `fr-BE` for the country of a phone number; none where the number or the country tells nothing.

    A number of +1 whose area code is not known counts as one of the United States.
    """
    country = country_of(shown_number(caller))
    return tuple(f"{code}-{country}" for code in _LANGUAGES.get(country, ()))
